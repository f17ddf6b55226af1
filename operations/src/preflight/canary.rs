//! THINK. Does a database take writes, and keep them? That it answers, or plans a query (EXPLAIN), is no proof.

use stateful_engines::Ledger;
use stateful_safety::Reason;

use super::Finding;

/// What is found by a canary that wrote for a moment and read back: each of its writes was acknowledged by as many members as
/// the engine's canary asks for, and is there. Why it could not tell is a reason too.
pub fn check_canary(ledger: &Result<Ledger, String>) -> Finding {
    let unwell = |told: String| vec![Reason::CanaryUnwell { told }];
    let (reasons, notes) = match ledger {
        Err(why) => (unwell(why.clone()), Vec::new()),
        Ok(Ledger { acknowledged: written @ 1.., unknown: 0, failed: 0, lost: 0, longest_gap, .. }) => {
            (Vec::new(), vec![format!("{written} writes acknowledged and read back, at most {longest_gap} ms apart")])
        }
        Ok(Ledger { acknowledged, unknown, failed, lost, .. }) => (
            unwell(format!("{acknowledged} acknowledged, {failed} failed, {unknown} unknown, {lost} lost")),
            Vec::new(),
        ),
    };
    Finding {
        check: "written-and-read",
        title: "what is written is acknowledged, and there when it is read",
        reasons,
        warnings: Vec::new(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use stateful_engines::Ledger;

    use super::check_canary;

    #[test]
    fn a_canary_is_well_only_when_it_wrote_and_every_write_is_there() {
        let well = Ledger { acknowledged: 150, longest_gap: 24, ..Ledger::default() };
        let found = check_canary(&Ok(well.clone()));
        assert!(found.reasons.is_empty(), "{:?}", found.reasons);
        assert_eq!(found.notes, ["150 writes acknowledged and read back, at most 24 ms apart"]);
        let unwell = [
            Ok(Ledger { acknowledged: 0, ..well.clone() }),
            Ok(Ledger { unknown: 1, ..well.clone() }),
            Ok(Ledger { failed: 1, ..well.clone() }),
            Ok(Ledger { lost: 1, ..well }),
            Err("the group has no primary".to_owned()),
        ];
        for ledger in unwell {
            assert_eq!(check_canary(&ledger).reasons.len(), 1, "{ledger:?}");
        }
    }
}
