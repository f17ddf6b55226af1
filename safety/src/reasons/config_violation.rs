//! Everything that can be wrong with a declared object: a budget, a StatefulSet, a claim, a volume, a storage class.
//!
//! As with [`Reason`](crate::Reason): one enum, one `Display` with its number and its limit, a stable code and a next
//! step; the guard's answer, the audit log and `docs/reasons.md` all say the same words.

/// What is wrong with an object that is declared, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigViolation {
    /// Two budgets count one pod.
    BudgetsOverlap {
        /// This budget.
        budget: String,
        /// The one that is there already.
        other: String,
        /// The database whose pods both count.
        database: String,
    },
    /// The budget never lets a pod go, however well all members are.
    NeverDrainable {
        /// The budget.
        budget: String,
        /// The field that says so: `maxUnavailable 0`.
        says: String,
        /// Pods it counts when all are there.
        pods: i64,
    },
    /// The budget lets so many go at once that a majority is gone.
    MajorityLost {
        /// The budget.
        budget: String,
        /// The field that says so.
        says: String,
        /// The database.
        database: String,
        /// Members that would be left.
        left: i64,
        /// Members that are a majority of those declared.
        needed: i64,
    },
    /// The budget counts no pod.
    SelectsNothing {
        /// The budget.
        budget: String,
    },
    /// The budget counts pods of several databases together.
    SharedBudget {
        /// The budget.
        budget: String,
        /// The databases, two or more.
        databases: Vec<String>,
    },
    /// The budget holds on to pods that are broken.
    BrokenPodsKept {
        /// The budget.
        budget: String,
    },
    /// The budget cannot be understood.
    BudgetUnreadable {
        /// The budget.
        budget: String,
        /// Why not.
        why: String,
    },
    /// The StatefulSet has its claims deleted.
    ClaimsNotKept {
        /// The StatefulSet.
        set: String,
        /// The field that says when: `whenDeleted`, `whenScaled`.
        field: String,
        /// What it says.
        says: String,
    },
    /// The database would be deleted while it runs.
    DatabaseRuns {
        /// The StatefulSet.
        set: String,
        /// Members that run.
        running: usize,
    },
    /// The claim would be deleted while a member lives on it.
    ClaimInUse {
        /// The claim.
        claim: String,
        /// The member.
        member: String,
    },
    /// The volume's disk goes when its claim goes.
    VolumeNotKept {
        /// The volume.
        volume: String,
        /// Its claim, with its namespace.
        claim: String,
        /// Its reclaim policy.
        says: String,
    },
    /// Volumes of the class go with their claims.
    ClassNotKeeping {
        /// The storage class.
        class: String,
        /// Its reclaim policy.
        says: String,
    },
}

impl ConfigViolation {
    /// The stable code, by which it is searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BudgetsOverlap { .. } => "STF-BG-001",
            Self::NeverDrainable { .. } => "STF-BG-002",
            Self::MajorityLost { .. } => "STF-BG-003",
            Self::SelectsNothing { .. } => "STF-BG-004",
            Self::SharedBudget { .. } => "STF-BG-005",
            Self::BrokenPodsKept { .. } => "STF-BG-006",
            Self::BudgetUnreadable { .. } => "STF-BG-007",
            Self::ClaimsNotKept { .. } => "STF-ST-001",
            Self::DatabaseRuns { .. } => "STF-ST-002",
            Self::ClaimInUse { .. } => "STF-ST-003",
            Self::VolumeNotKept { .. } => "STF-ST-004",
            Self::ClassNotKeeping { .. } => "STF-ST-005",
        }
    }

    /// Whether an object with it is refused; else its author is warned.
    pub const fn is_refused(&self) -> bool {
        match self {
            Self::BudgetsOverlap { .. }
            | Self::NeverDrainable { .. }
            | Self::MajorityLost { .. }
            | Self::BudgetUnreadable { .. }
            | Self::ClaimsNotKept { .. }
            | Self::DatabaseRuns { .. }
            | Self::ClaimInUse { .. }
            | Self::VolumeNotKept { .. } => true,
            // Nothing is lost by these alone; a class may serve data that need not be kept.
            Self::SelectsNothing { .. }
            | Self::SharedBudget { .. }
            | Self::BrokenPodsKept { .. }
            | Self::ClassNotKeeping { .. } => false,
        }
    }

    /// Whether an object that had the flaw `before` is no worse off with this one: it may be changed for another reason,
    /// such as a label, without being mended first.
    pub fn is_no_worse_than(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::BudgetsOverlap { other, database, .. }, Self::BudgetsOverlap { other: o, database: d, .. }) => {
                other == o && database == d
            }
            (Self::MajorityLost { database, left, .. }, Self::MajorityLost { database: d, left: l, .. }) => {
                database == d && left >= l
            }
            // There is no "less than never".
            (Self::NeverDrainable { .. }, Self::NeverDrainable { .. })
            | (Self::BudgetUnreadable { .. }, Self::BudgetUnreadable { .. }) => true,
            _ => self == before,
        }
    }

    /// The next thing to do, with a command to type. `flags` name the object's namespace (` -n shop`); empty for what has none, and
    /// where it is the user's own.
    pub fn next_step(&self, flags: &str) -> String {
        match self {
            Self::BudgetsOverlap { budget, other, .. } => format!(
                "let one budget count each pod, maxUnavailable: 1 for all members; see what each counts: kubectl describe pdb {budget} \
                 {other}{flags}"
            ),
            Self::NeverDrainable { budget, .. } | Self::MajorityLost { budget, .. } => format!(
                "let one go at a time, maxUnavailable: 1 for all members, in what makes the budget too; at once: kubectl patch pdb \
                 {budget}{flags} --type=merge -p '{{\"spec\":{{\"maxUnavailable\":1,\"minAvailable\":null}}}}'"
            ),
            Self::SelectsNothing { .. } => {
                format!("compare its selector with the pods' labels: kubectl get pods{flags} --show-labels")
            }
            Self::SharedBudget { budget, .. } => {
                format!("write a budget for each; see what it counts: kubectl describe pdb {budget}{flags}")
            }
            Self::BrokenPodsKept { budget } => format!(
                "the guard judges broken members as well, so: kubectl patch pdb {budget}{flags} --type=merge -p \
                 '{{\"spec\":{{\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}}}}'"
            ),
            Self::BudgetUnreadable { .. } => "see how one is written: kubectl explain pdb.spec".to_owned(),
            Self::ClaimsNotKept { field, .. } => format!(
                "say Retain, and delete single claims when you mean it; in the manifest: \
                 spec.persistentVolumeClaimRetentionPolicy.{field}: Retain (kubectl explain sts.spec)"
            ),
            Self::DatabaseRuns { set, .. } => format!(
                "to let its pods run on: kubectl delete statefulset {set}{flags} --cascade=orphan; to end the \
                 database: kubectl scale statefulset {set}{flags} --replicas=0, then delete"
            ),
            Self::ClaimInUse { claim, member } => format!(
                "take the member away first, the claim while it ends: kubectl delete pod {member}{flags} \
                 --wait=false && kubectl delete pvc {claim}{flags} --wait=false"
            ),
            Self::VolumeNotKept { volume, .. } => format!(
                "keep Retain; once its claim is gone for good, give the volume up: kubectl patch pv {volume} --type=merge \
                 -p '{{\"metadata\":{{\"labels\":{{\"kubectl-stateful.dev/guard\":null}}}},\"spec\":{{\"claimRef\":null}}}}'"
            ),
            Self::ClassNotKeeping { class, .. } => format!(
                "if databases use it, make it with reclaimPolicy: Retain (it cannot be changed later): kubectl get \
                 storageclass {class} -o yaml"
            ),
        }
    }
}

impl std::fmt::Display for ConfigViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BudgetsOverlap { budget, other, database } => write!(
                f,
                "budgets {budget} and {other} both count pods of {database}, the limit is 1: the API server refuses every \
                 eviction of such a pod (500)"
            ),
            Self::NeverDrainable { budget, says, pods } => {
                write!(
                    f,
                    "budget {budget} lets 0 of {pods} pods go ({says}), an eviction needs 1 and is refused for ever"
                )
            }
            Self::MajorityLost { budget, says, database, left, needed } => {
                write!(f, "budget {budget} ({says}) would let {database} shrink to {left}, a majority is {needed}")
            }
            Self::SelectsNothing { budget } => write!(f, "budget {budget} counts 0 pods, so it protects no pod"),
            Self::SharedBudget { budget, databases } => {
                let (count, names) = (databases.len(), databases.join(", "));
                write!(
                    f,
                    "budget {budget} counts pods of {count} databases ({names}), the limit is 1: one can use up the others'"
                )
            }
            Self::BrokenPodsKept { budget } => {
                write!(
                    f,
                    "budget {budget} does not say unhealthyPodEvictionPolicy: AlwaysAllow: 1 broken member blocks a drain"
                )
            }
            Self::BudgetUnreadable { budget, why } => write!(f, "budget {budget} cannot be understood: {why}"),
            Self::ClaimsNotKept { set, field, says } => {
                write!(f, "{set} would lose its claims: {field} is {says}, only Retain keeps them")
            }
            Self::DatabaseRuns { set, running } => {
                write!(f, "{set} is a database and {running} of its members run: they would go at once, the limit is 0")
            }
            Self::ClaimInUse { claim, member } => {
                write!(f, "{member} lives on {claim}: its data would go as soon as its pod does")
            }
            Self::VolumeNotKept { volume, claim, says } => {
                write!(
                    f,
                    "{volume} holds the data of {claim}: its reclaim policy would be {says}, only Retain keeps the disk"
                )
            }
            Self::ClassNotKeeping { class, says } => {
                write!(
                    f,
                    "volumes of {class} go with their claims: its reclaimPolicy is {says}, only Retain keeps them"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigViolation;

    fn majority(left: i64) -> ConfigViolation {
        let name = "redis".to_owned();
        ConfigViolation::MajorityLost { budget: name.clone(), says: "x".to_owned(), database: name, left, needed: 2 }
    }

    fn overlap(other: &str) -> ConfigViolation {
        let name = "redis".to_owned();
        ConfigViolation::BudgetsOverlap { budget: name.clone(), other: other.to_owned(), database: name }
    }

    fn never(says: &str) -> ConfigViolation {
        ConfigViolation::NeverDrainable { budget: "redis".to_owned(), says: says.to_owned(), pods: 3 }
    }

    #[test]
    fn what_was_as_bad_before_is_no_worse() {
        assert!(majority(1).is_no_worse_than(&majority(1)));
        assert!(majority(1).is_no_worse_than(&majority(0)), "better is no worse");
        assert!(!majority(0).is_no_worse_than(&majority(1)));
        assert!(overlap("old").is_no_worse_than(&overlap("old")));
        assert!(!overlap("new").is_no_worse_than(&overlap("old")), "another budget is another overlap");
        assert!(never("minAvailable 100%").is_no_worse_than(&never("maxUnavailable 0")));
        assert!(!never("maxUnavailable 0").is_no_worse_than(&majority(0)), "one flaw does not excuse another");
    }
}
