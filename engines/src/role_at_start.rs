//! THINK. Whether what starts a member may give it another role than the one it had. A script's mind cannot be read: a line that
//! mentions what decides the role is enough, until an administrator says of exactly these scripts that they keep it.

use stateful_safety::{Blocker, StartScripts, StartText, UnreadScript};

use crate::condition::{ROLE_DECIDED_AT_START, ROLE_DECIDED_ELSEWHERE, START_NOT_KNOWN, START_NOT_READ};

/// As much of a line is shown.
const SHOWN: usize = 80;

/// Words in a line that may carry a password: such a line is not shown.
const SECRETS: &[&str] = &["pass", "secret", "token", "auth", "pw", "key", "://", " -a", " -u"];

/// What decides an engine's role, as a line of a script mentions it.
pub(crate) struct RoleWords {
    /// In lower case. A line that has all words of one row is about the role.
    pub(crate) lines: &'static [&'static [&'static str]],
    /// Images whose own entrypoint changes roles: how one of the folders in the image's path begins, the image's name, and what
    /// the entrypoint does.
    pub(crate) forgetful_images: &'static [(&'static str, &'static str, &'static str)],
}

/// Who leads, and who would lead if the ordinal decided.
pub(crate) struct Members<'a> {
    first: Option<&'a str>,
    primary: Option<&'a str>,
}

impl<'a> Members<'a> {
    /// The members by name, and the one that leads.
    pub(crate) fn new(names: impl Iterator<Item = &'a str>, primary: Option<&'a str>) -> Self {
        let ordinal =
            |name: &&str| name.rsplit('-').next().and_then(|ordinal| ordinal.parse().ok()).unwrap_or(u32::MAX);
        Self { first: names.min_by_key(ordinal), primary }
    }

    /// While the first member leads, its role is what such a line makes it: replicas may be restarted.
    fn found(&self, starts: &StartScripts, origin: &str, number: usize, line: &str) -> Blocker {
        let (first, primary) = (self.first.unwrap_or_default(), self.primary.unwrap_or_default());
        let is_elsewhere = self.primary.is_some() && self.primary != self.first;
        let condition = if is_elsewhere { ROLE_DECIDED_ELSEWHERE } else { ROLE_DECIDED_AT_START };
        condition.found(&[
            ("first", &first),
            ("primary", &primary),
            ("script", &origin),
            ("line", &number),
            ("workload", &starts.workload),
            ("digest", &starts.digest),
            ("text", &shown(line)),
        ])
    }
}

impl RoleWords {
    /// The first line that may change a role, and every script that could not be read; nothing where these very scripts are
    /// confirmed. `also` tells lines that only what the servers answered shows to be about the role.
    pub(crate) fn find(
        &self,
        starts: &StartScripts,
        members: &Members<'_>,
        also: impl Fn(&str) -> bool,
    ) -> Vec<Blocker> {
        let not_read: Vec<Blocker> = starts.unread.iter().filter_map(not_read).collect();
        // Without the text of one of them the digest is another one, and confirms nothing.
        if starts.are_confirmed() || !not_read.is_empty() {
            return not_read;
        }
        let decides = |line: &str| self.decides(line) || also(line);
        let mut lines = starts.texts.iter().flat_map(|text| lines(text).into_iter().map(move |line| (text, line)));
        let decided = lines.find(|(_, (_, line))| decides(line));
        let decided = decided.map(|(text, (number, line))| members.found(starts, &text.origin, number, &line));
        let unread = starts.unread.iter().map(|script| {
            START_NOT_KNOWN.found(&[
                ("script", &script.what),
                ("why", &script.why),
                ("workload", &starts.workload),
                ("digest", &starts.digest),
            ])
        });
        decided.into_iter().chain(unread).collect()
    }

    /// The image whose own entrypoint starts the members, if that is known to change roles, and what it does.
    pub(crate) fn forgetful_image<'a>(&self, starts: &'a StartScripts) -> Option<(&'a str, &'static str)> {
        let image = starts.own_entrypoint.as_deref()?;
        let (folders, last) = image.rsplit_once('/')?;
        let name = last.split(['@', ':']).next()?;
        let is_it = |folder: &str, known: &str| name == known && folders.split('/').any(|one| one.starts_with(folder));
        let found = self.forgetful_images.iter().find(|(folder, known, _)| is_it(folder, known));
        found.map(|(_, _, what)| (image, *what))
    }

    fn decides(&self, line: &str) -> bool {
        let line = line.to_ascii_lowercase();
        self.lines.iter().any(|words| words.iter().all(|word| line.contains(word)))
    }
}

fn not_read(script: &UnreadScript) -> Option<Blocker> {
    let map = script.config_map.as_ref()?;
    Some(START_NOT_READ.found(&[("script", &script.what), ("why", &script.why), ("map", map)]))
}

/// The lines of a text that are no comments, each with its number. One that a backslash continues is one with the next.
fn lines(text: &StartText) -> Vec<(usize, String)> {
    let mut whole: Vec<(usize, String)> = Vec::new();
    let mut is_continued = false;
    for (index, line) in text.text.lines().enumerate() {
        let (begun, continues) = line.trim().strip_suffix('\\').map_or((line.trim(), false), |begun| (begun, true));
        match whole.last_mut().filter(|_| is_continued) {
            Some((_, before)) => before.push_str(begun),
            None => whole.push((index + 1, begun.to_owned())),
        }
        is_continued = continues;
    }
    whole.retain(|(_, line)| !line.starts_with('#'));
    whole
}

fn shown(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if SECRETS.iter().any(|word| lower.contains(word)) {
        return "(a line that may carry a password)".to_owned();
    }
    let line: String = line.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    if line.chars().count() <= SHOWN {
        return line;
    }
    line.chars().take(SHOWN).chain(['…']).collect()
}

/// Whether a line writes a file of that name, moves another there, or removes it: another container may mount its directory elsewhere.
pub(crate) fn writes(line: &str, file: &str) -> bool {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    let target = |after: &str| after.split_whitespace().next().map(|word| word.trim_matches(['"', '\'']).to_owned());
    let redirected = line.split('>').skip(1).filter_map(target).any(|target| target.ends_with(name));
    redirected
        || (line.contains(name)
            && ["cp ", "mv ", "rm ", "tee ", "install ", "sed -i"].iter().any(|word| line.contains(word)))
}

/// Whether a line removes that directory.
pub(crate) fn removes(line: &str, directory: &str) -> bool {
    line.contains("rm ") && line.contains(directory)
}

#[cfg(test)]
mod tests {
    use stateful_safety::{Blocks, StartScripts, StartText, UnreadScript};

    use super::{Members, RoleWords, shown};

    const WORDS: RoleWords = RoleWords { lines: &[&["follow", "leader"]], forgetful_images: &[] };

    fn of(lines: &str) -> StartScripts {
        let text = StartText { origin: "a script".to_owned(), text: lines.to_owned() };
        StartScripts { texts: vec![text], digest: "d".to_owned(), ..StartScripts::default() }
    }

    fn found(scripts: &StartScripts) -> Vec<String> {
        WORDS
            .find(scripts, &Members::new(["a-0", "a-1"].into_iter(), Some("a-0")), |_| false)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_line_has_to_have_all_words_of_a_row() {
        assert_eq!(found(&of("follow it\nthe leader")).len(), 0);
        assert!(found(&of("x\n\nFollow the Leader"))[0].ends_with("a script, line 3, says: Follow the Leader"));
    }

    #[test]
    fn while_another_member_leads_than_the_first_nothing_is_restarted() {
        let blocks = |primary: Option<&str>| {
            let members = Members::new(["a-10", "a-2", "a-3"].into_iter(), primary);
            WORDS.find(&of("follow the leader"), &members, |_| false)[0].effect.blocks
        };
        assert_eq!(blocks(Some("a-2")), Blocks::Switchover);
        assert_eq!(blocks(Some("a-10")), Blocks::Everything);
        assert_eq!(blocks(None), Blocks::Switchover, "that it has none is a condition of its own");
    }

    #[test]
    fn a_line_that_may_carry_a_password_is_not_shown() {
        for line in
            ["follow leader --password hunter2", "follow leader masterauth hunter2", "PGPASSWORD=hunter2 follow leader"]
        {
            assert!(!found(&of(line))[0].contains("hunter2"), "{line}");
        }
        assert_eq!(shown("a\tb\u{1b}[2J"), "a b [2J", "nothing that a terminal obeys");
        assert_eq!(shown(&"x".repeat(90)), format!("{}…", "x".repeat(80)));
    }

    #[test]
    fn what_is_not_read_is_confirmed_only_where_this_tool_never_reads_it() {
        let unread = |config_map: Option<&str>| {
            let script = UnreadScript {
                what: "/s/start".to_owned(),
                why: "it is away".to_owned(),
                config_map: config_map.map(ToOwned::to_owned),
            };
            let mut scripts = StartScripts { unread: vec![script], ..of("follow the leader") };
            let before = found(&scripts);
            scripts.confirmed = Some("d".to_owned());
            (before.len(), found(&scripts).len())
        };
        assert_eq!(unread(None), (2, 0));
        assert_eq!(unread(Some("shop")), (1, 1), "with its text the digest is another one");
    }
}
