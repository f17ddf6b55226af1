//! What a primary wrote, and whether a majority has it.

use super::changed;

/// An entry is with a majority within milliseconds where members follow: one that is young says nothing yet.
#[test]
fn what_is_not_with_a_majority_in_time_stands_in_the_way_of_everything() {
    let after = |milliseconds: i64| {
        let assessment = changed("healthy", 0, |answers| {
            let applied = answers.applied().expect("its newest entry");
            let mut later = answers.status.clone();
            later.insert("date", mongodb::bson::DateTime::from_millis(applied + milliseconds));
            let times = later.get_document_mut("optimes").expect("times");
            let committed = times.get_document_mut("lastCommittedOpTime").expect("a time");
            committed.insert("ts", mongodb::bson::Timestamp { time: 1_795_302_251, increment: 6 });
            answers.committed = later;
        });
        let said = assessment.blockers.first()?.to_string();
        assert_eq!(assessment.blockers.len(), 1, "{said}");
        said.strip_prefix("a majority of the set lacks what mongo-0 wrote ")?.split(' ').next()?.parse::<u64>().ok()
    };
    assert_eq!([after(999), after(1_000), after(4_200)], [None, Some(1_000), Some(4_200)]);
    let silent = changed("healthy", 0, |answers| {
        answers.status.remove("optimes");
    });
    let said: Vec<String> = silent.blockers.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["mongo-0 does not say how much of what it wrote is with a majority of its set"]);
}
