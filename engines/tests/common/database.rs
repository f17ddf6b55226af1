//! What a general law asks of a database: real servers of one engine on this machine, however they hang together.

use std::time::{Duration, Instant};

use stateful_engines::{CompletedSwitchover, Endpoint, Engine, NoClientPause, SwitchoverError, open};
use stateful_safety::{Assessment, Blocker, EngineProfile, ReplicaGroup, Role, Sync};
use tokio::time::sleep;

use super::PATIENCE;
use super::load::Client;
use super::turns::Measures;

/// A set of servers, gone with the value. Members are numbered as their endpoints are.
pub(crate) trait Database: Sized {
    /// What writes to it.
    type Client: Client;

    /// What is constant about its engine.
    const PROFILE: &'static EngineProfile;

    /// A switchover may keep a client that follows the primary from writing for less than this.
    const LONGEST_PAUSE: Duration;

    /// The same for the adapter's own canary.
    const LONGEST_CANARY_PAUSE: Duration;

    /// How many of the canary's writes may end unknown in one switchover: none where the driver sends them again by itself.
    const UNKNOWN_BY_CANARY: u64;

    /// Starts it, and returns once every member is in sync.
    async fn start(measures: Measures) -> Self;

    /// The ways to its members, as discovery finds them.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// The ways to servers that are no members and are asked about a switchover (Sentinels).
    fn watchers(&self) -> Vec<Endpoint> {
        Vec::new()
    }

    /// A client, of which each writer has its own copy.
    fn client(&self) -> Self::Client;

    /// Whether a blocker comes from the law's own connections and ends by itself.
    fn is_harmless(_blocker: &Blocker) -> bool {
        false
    }

    /// The system's number of a member's server.
    fn process(&self, member: usize) -> u32;

    /// Stops a member's server as the kubelet does, and starts it again on its data.
    fn restart(&mut self, member: usize);

    /// What a canary has left behind, in words; nothing is right.
    async fn canary_leftovers(&self) -> Vec<String>;

    /// The last lines that its servers logged.
    fn logs(&self) -> String;

    /// The adapter, with no connection open yet, as in a process of its own.
    fn adapter(&self) -> Box<dyn Engine> {
        open(Self::PROFILE.name()).expect("every engine has an adapter")
    }

    /// What the adapter makes of it now.
    async fn assess(&self) -> Assessment {
        self.adapter().assess(&self.endpoints(), 1).await
    }

    /// What the adapter makes of it as soon as every member is in sync, every group is led and nothing is the matter.
    async fn settled(&self) -> Assessment {
        self.settles(&self.endpoints()).await
    }

    /// The same, asked through these endpoints.
    async fn settles(&self, endpoints: &[Endpoint]) -> Assessment {
        let (adapter, begun) = (self.adapter(), Instant::now());
        loop {
            let assessment = adapter.assess(endpoints, 1).await;
            if is_settled::<Self>(&assessment) {
                return assessment;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not settle: {assessment:#?}\n{}", self.logs());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Moves the primary role, as a process of its own that has just started does.
    async fn switch_over(&self, from: &str, to: &str) -> Result<CompletedSwitchover, SwitchoverError> {
        self.adapter()
            .switchover()
            .expect("it switches over")
            .switch_over(&self.endpoints(), &self.watchers(), from, to, &NoClientPause)
            .await
    }

    /// The replicas in a member's group that it can be switched over to now.
    async fn successors(&self, primary: &str) -> Vec<String> {
        let assessment = self.settled().await;
        replicas(assessment.group_of(primary).expect("it is in a group"))
    }

    /// The number of the member of that name.
    fn number(&self, name: &str) -> usize {
        self.endpoints().iter().position(|endpoint| endpoint.member == name).expect("a member of that name")
    }
}

fn is_settled<D: Database>(assessment: &Assessment) -> bool {
    let in_sync = |group: &ReplicaGroup| group.members.iter().all(|member| matches!(member.sync, Sync::InSync { .. }));
    assessment.groups.iter().all(|group| in_sync(group) && !group.lacks_primary())
        && assessment.blockers_of_moves().all(D::is_harmless)
}

/// The member that leads the group a member is in.
pub(crate) fn leader_of(assessment: &Assessment, member: &str) -> Option<String> {
    let group = assessment.group_of(member).expect("it is in a group");
    group.primary().map(|primary| primary.name.clone())
}

/// The members of a group that follow its primary.
pub(crate) fn replicas(group: &ReplicaGroup) -> Vec<String> {
    let replicas = group.members.iter().filter(|member| member.role == Role::Replica);
    replicas.map(|member| member.name.clone()).collect()
}
