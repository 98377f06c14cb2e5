//! What came of the rows to learn from, brought back by a join, a view or a lookup table: each way is named.

use skewless_train::study::StudyReport;
use skewless_train::study::report::Level;

use crate::project::{BY_HASH, BY_TIME, Project, binary};

const ORDERS: &str =
    "[[source]]\nname = \"orders\"\npath = \"deliveries.csv\"\ntypes = { delay = \"number\" }\n";
const INPUT: &str = "[[input]]\nname = \"before\"\ntype = \"number\"\nnullable = true\n";
const FEATURE: &str = "[[feature_set]]\nname = \"history\"\n[[feature_set.feature]]\nname = \"before_filled\"\n\
    op = \"impute\"\nstrategy = \"mean\"\nfrom = \"before\"\n";

fn view(select: &str, more: &str) -> String {
    format!("[[view]]\nname = \"habits\"\nsql = \"{select} FROM orders GROUP BY 1, 2\"\n{more}")
}

fn join(more: &str) -> String {
    format!("[[join]]\nsource = \"habits\"\non = [\"courier\"]\ncolumns = [\"before\"]\n{more}")
}

const OF_DAY: &str = "SELECT courier, ordered, avg(delay) AS before";
const OF_ALL: &str = "SELECT courier, 1 AS one, avg(delay) AS before";
const HARMLESS: &str = "SELECT courier, ordered, avg(CAST(distance AS REAL)) AS before";
const TIMED: &str = "time = \"ordered\"\n";

/// The level and the message of what is found of `habits`, or of the run that it stopped.
fn found(config: &str) -> Option<(Level, String)> {
    match Project::new(config).run() {
        Ok(studied) => {
            let StudyReport { findings, .. } = studied.report;
            let of = |check: &str| check == "check.future_join" || check == "check.days";
            let found = findings.into_iter().find(|one| of(&one.check))?;
            Some((found.level, found.message))
        }
        Err(error) => {
            assert_eq!(error.code(), "check.future_join", "{error}");
            Some((Level::Error, error.message().to_owned()))
        }
    }
}

#[test]
fn a_view_over_the_label_is_named_and_needs_the_time_it_takes() {
    let config = |split: &str, select: &str, time: &str, bounds: &str| {
        let view = view(select, time);
        format!(
            "{}\n{INPUT}{FEATURE}{ORDERS}{view}{}",
            binary(split),
            join(bounds)
        )
    };
    let as_of = "as_of = \"ordered\"\n";
    let late = "as_of = \"ordered\"\nlateness = \"1d\"\n";
    for split in [BY_TIME, BY_HASH] {
        let (level, message) = found(
            &config(split, OF_ALL, "static = true\n", "").replace("GROUP BY 1, 2", "GROUP BY 1"),
        )
        .unwrap();
        assert_eq!(level, Level::Error, "{message}");
        assert!(
            message.contains("`habits` reads `delay` of `orders`")
                && message.contains("nothing tells when"),
            "{message}"
        );
        let (level, message) = found(&config(split, OF_DAY, TIMED, as_of)).unwrap();
        assert_eq!(level, Level::Error, "{message}");
        assert!(message.contains("`lateness`"), "{message}");
        let (level, message) = found(&config(split, OF_DAY, TIMED, late)).unwrap();
        assert_eq!(level, Level::Warning, "{message}");
        assert_eq!(found(&config(split, HARMLESS, TIMED, late)), None);
    }
}

#[test]
fn no_other_name_or_detour_hides_the_label() {
    let late = "as_of = \"ordered\"\nlateness = \"1d\"\n";
    let config = |select: &str, source: &str| {
        let (orders, view) = (
            ORDERS.replace("deliveries.csv", source),
            view(select, TIMED),
        );
        format!(
            "{}\n{INPUT}{FEATURE}{orders}{view}{}",
            binary(BY_TIME),
            join(late)
        )
    };
    // The same file by another path.
    let (level, message) = found(&config(OF_DAY, "./deliveries.csv")).unwrap();
    assert_eq!(level, Level::Warning, "{message}");
    // A column that a join compares and does not name.
    let using = "SELECT courier, ordered, count(*) AS before FROM orders JOIN orders AS other USING (courier, ordered, delay)";
    let used = config(using, "deliveries.csv").replace(" FROM orders GROUP BY", " GROUP BY");
    assert!(found(&used).unwrap().1.contains("`delay` of `orders`"));
    let inner = used.replace("name = \"habits\"", "name = \"inside\"");
    let outer = format!(
        "[[view]]\nname = \"habits\"\nsql = \"SELECT courier, ordered, before FROM inside\"\n{TIMED}"
    );
    let nested = inner.replacen("[[join]]", &format!("{outer}[[join]]"), 1);
    assert!(
        found(&nested)
            .unwrap()
            .1
            .contains("`habits` reads `delay` of `orders`")
    );
    let natural = used.replace(
        "JOIN orders AS other USING (courier, ordered, delay)",
        "NATURAL JOIN orders AS other",
    );
    assert_eq!(
        Project::new(&natural).run().err().unwrap().code(),
        "view.sql"
    );
    // The data is a view that makes the label: what it is made from, and the label itself.
    let data = "[[view]]\nname = \"data\"\nsql = \"SELECT id, ordered, courier, CAST(distance AS REAL) AS distance, \
        CAST(rain AS REAL) AS rain, CAST(late AS REAL) AS delay, class FROM orders\"\n";
    let table = crate::project::deliveries(1_200).replacen(",delay,", ",late,", 1);
    let over = |select: &str, from: &str| {
        let orders = ORDERS.replace("delay", "late");
        let view = view(select, TIMED).replace("FROM orders", from);
        let config = format!(
            "{}\n{INPUT}{FEATURE}{orders}{data}{view}{}",
            binary(BY_TIME),
            join(late)
        )
        .replace("source = \"deliveries.csv\"", "source = \"data\"");
        let report = Project::with_table(&config, &table).run().unwrap().report;
        let found = report
            .findings
            .into_iter()
            .find(|one| one.check == "check.future_join");
        found.map(|one| one.message)
    };
    let message = over(OF_DAY, "FROM data").unwrap();
    assert!(
        message.contains("`habits` reads `delay` of `data`"),
        "{message}"
    );
    let message = over(
        &OF_DAY.replace("delay", "CAST(late AS REAL)"),
        "FROM orders",
    )
    .unwrap();
    assert!(
        message.contains("`habits` reads `late` of `orders`"),
        "{message}"
    );
    assert_eq!(over(HARMLESS, "FROM data"), None);
    assert_eq!(over(HARMLESS, "FROM orders"), None);
}

#[test]
fn a_table_joined_to_itself_gives_each_row_its_own_label() {
    let source = ORDERS.replace("path", "time = \"ordered\"\npath");
    let join = "[[join]]\nsource = \"orders\"\non = [\"id\"]\nas_of = \"ordered\"\ncolumns = [\"delay\"]\nprefix = \"own_\"\n";
    let config = format!("{}\n{INPUT}{FEATURE}{source}{join}", binary(BY_TIME))
        .replace("name = \"before\"", "name = \"own_delay\"")
        .replace("from = \"before\"", "from = \"own_delay\"");
    let (level, message) = found(&config).unwrap();
    assert_eq!(level, Level::Error, "{message}");
    assert!(
        message.contains("`orders` gives `delay` of the rows to learn from"),
        "{message}"
    );
    // Another table may well call a column so.
    let other = config.replace(
        "path = \"deliveries.csv\"\ntypes",
        "path = \"other.csv\"\ntypes",
    );
    let project = Project::new(&other).with("other.csv", "id,ordered,delay\nd1,2020-01-01,3\n");
    let report = project.run().unwrap().report;
    assert!(
        report
            .findings
            .iter()
            .all(|one| one.check != "check.future_join")
    );
}

#[test]
fn a_lookup_over_the_label_is_named() {
    let lookup = "[[lookup]]\nname = \"habits_of\"\nsource = \"habits\"\nkey = \"courier\"\ncolumns = [\"before\"]\n";
    let feature = "[[feature_set]]\nname = \"history\"\n[[feature_set.feature]]\nname = \"usual\"\nop = \"lookup\"\n\
        table = \"habits_of\"\ncolumn = \"before\"\nfrom = \"courier\"\nhidden = true\n[[feature_set.feature]]\n\
        name = \"usual_filled\"\nop = \"impute\"\nstrategy = \"mean\"\nfrom = \"usual\"\n";
    let view = view(OF_ALL, "static = true\n").replace("GROUP BY 1, 2", "GROUP BY 1");
    let config = format!("{}\n{ORDERS}{view}{lookup}{feature}", binary(BY_HASH));
    let (level, message) = found(&config).unwrap();
    assert_eq!(level, Level::Error, "{message}");
    assert!(
        message.contains("`habits` reads `delay` of `orders`"),
        "{message}"
    );
    // Said to be known, it is a warning.
    let accepted = format!("{config}\n[checks]\naccept = [\"habits\"]\n");
    assert_eq!(found(&accepted).unwrap().0, Level::Warning);
}

#[test]
fn days_joined_to_moments_are_named() {
    let at = binary(BY_TIME).replace(
        "type = \"date\"\nrole",
        "type = \"timestamp\"\nzone = \"local\"\nrole",
    );
    let table = crate::project::deliveries(1_200);
    let moments: Vec<String> = table
        .lines()
        .map(|line| match line.split_once(",2020-") {
            Some((id, rest)) => format!("{id},2020-{}T12:00{}", &rest[..5], &rest[5..]),
            None => line.to_owned(),
        })
        .collect();
    let weather = "[[source]]\nname = \"loads\"\npath = \"loads.csv\"\ntime = \"known\"\ntypes = { before = \"number\" }\n";
    let join = |more: &str| {
        format!(
            "[[join]]\nsource = \"loads\"\non = [\"courier\"]\nas_of = \"ordered\"\n{more}columns = [\"before\"]\n"
        )
    };
    let found = |more: &str| {
        let config = format!("{at}\n{INPUT}{FEATURE}{weather}{}", join(more));
        let project = Project::with_table(&config, &moments.join("\n")).with(
            "loads.csv",
            "courier,known,before\nann,2020-01-02,1\nbob,2020-01-03,2\n",
        );
        let report = project.run().unwrap().report;
        report
            .findings
            .into_iter()
            .find(|one| one.check == "check.days")
    };
    let finding = found("").unwrap();
    assert_eq!(finding.level, Level::Warning);
    assert!(
        finding.message.contains("lateness = \"1d\""),
        "{}",
        finding.message
    );
    assert!(found("lateness = \"1d\"\n").is_none());
}
