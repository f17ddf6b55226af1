//! The law of rotation: whatever happens in whatever order, every certificate in service is trusted by every API server.

use proptest::prelude::*;

use super::*;
const REPLICAS: usize = 3;
const API_SERVERS: usize = 2;

/// The longest time between two events, in seconds.
const JUMP: i64 = 30;

#[derive(Debug, Clone)]
enum Event {
    /// Time passes.
    Pass(i64),
    /// A replica steps.
    Snapshot(usize),
    /// An API server reads what is published.
    Hear(usize),
    /// A replica restarts.
    Restart(usize),
    /// The Secret is deleted.
    Lose,
    /// An entry of the Secret is damaged.
    Spoil(&'static str),
    /// The permission to publish is revoked, or granted again.
    Close(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (1..=JUMP).prop_map(Event::Pass),
        8 => (0..REPLICAS).prop_map(Event::Snapshot),
        4 => (0..API_SERVERS).prop_map(Event::Hear),
        1 => (0..REPLICAS).prop_map(Event::Restart),
        1 => prop_oneof![
            Just(Event::Lose),
            prop::sample::select(vec!["tls.key", "tls.crt", "ca.key", "ca.crt"]).prop_map(Event::Spoil),
        ],
        1 => any::<bool>().prop_map(Event::Close),
    ]
}

struct World {
    store: MemoryStore,
    now: Timestamp,
    replicas: Vec<(CertificateController<MemoryStore>, ServingCertificate, Timestamp)>,
    /// What each API server trusts, and when it last read it.
    api_servers: Vec<(String, Timestamp)>,
    /// Since when publishing is forbidden.
    closed: Option<Timestamp>,
}

impl World {
    fn begin() -> Self {
        let (store, now) = (MemoryStore::default(), day_one());
        let replicas = (0..REPLICAS)
            .map(|_| replica(&store, short_times()))
            .map(|(controller, serving)| (controller, serving, now));
        let replicas = replicas.collect();
        let mut world =
            Self { store, now, replicas, api_servers: vec![(String::new(), now); API_SERVERS], closed: None };
        for _ in 0..3 {
            (0..REPLICAS).for_each(|replica| world.snapshot(replica));
        }
        (0..API_SERVERS).for_each(|one| world.hear(one));
        world
    }

    fn snapshot(&mut self, replica: usize) {
        let (controller, _, looked) = &mut self.replicas[replica];
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let _ = runtime.block_on(controller.step(self.now)); // a closed configuration is an error
        *looked = self.now;
    }

    fn hear(&mut self, api_server: usize) {
        self.api_servers[api_server] = (self.store.published(), self.now);
    }

    fn close(&mut self, closed: bool) {
        self.store.state().configurations_are_closed = closed;
        self.closed = closed.then(|| self.closed.unwrap_or(self.now));
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Pass(duration) => {
                self.now += seconds(duration);
                // What the waits assume: no replica or API server is further behind than they allow, and permissions come back in time.
                let RotationTimes { settle, lag, .. } = short_times();
                for api_server in 0..API_SERVERS {
                    if self.now.duration_since(self.api_servers[api_server].1) >= settle {
                        self.hear(api_server);
                    }
                }
                if self.closed.is_some_and(|since| self.now.duration_since(since) > seconds(100)) {
                    self.close(false);
                }
                for replica in 0..REPLICAS {
                    if self.now.duration_since(self.replicas[replica].2) > lag - seconds(JUMP) {
                        self.snapshot(replica);
                    }
                }
            }
            Event::Snapshot(replica) => self.snapshot(replica),
            Event::Hear(api_server) => self.hear(api_server),
            Event::Restart(which) if self.is_calm() => {
                let (controller, serving) = replica(&self.store, short_times());
                self.replicas[which] = (controller, serving, self.now);
                self.snapshot(which);
            }
            Event::Lose if self.is_calm() => self.store.tamper(|_| None),
            Event::Spoil(entry) if self.is_calm() => self.store.tamper(|mut contents| {
                contents.entries.insert(entry.to_owned(), b"spoilt".to_vec());
                Some(contents)
            }),
            Event::Close(closed) => self.close(closed),
            Event::Restart(_) | Event::Lose | Event::Spoil(_) => {}
        }
    }

    /// Whether all replicas and API servers agree and no rotation is running: the design covers one fault at a time.
    fn is_calm(&mut self) -> bool {
        self.close(false);
        (0..REPLICAS).for_each(|replica| self.snapshot(replica));
        (0..API_SERVERS).for_each(|one| self.hear(one));
        let until: Vec<_> = self.replicas.iter().map(|(_, serving, _)| serving.not_after()).collect();
        let fresh = until[0].is_some_and(|until| until.duration_since(self.now) > seconds(400));
        fresh && until.iter().all(|one| *one == until[0]) && self.store.published().matches("BEGIN").count() == 1
    }

    fn hold(&self) {
        for (replica, (_, serving, _)) in self.replicas.iter().enumerate() {
            for (api_server, (bundle, _)) in self.api_servers.iter().enumerate() {
                assert!(
                    is_trusted(bundle, serving, self.now),
                    "API server {api_server} does not trust replica {replica} at {}",
                    self.now
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_certificate_in_service_is_trusted_by_every_api_server(events in prop::collection::vec(event(), 600)) {
        let mut world = World::begin();
        world.hold();
        for event in &events {
            world.happen(event);
            world.hold();
        }
    }
}
