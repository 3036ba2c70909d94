/* The mark sheet: what is wrong and why, and the tables. All that comes from the program is text. */

const SUBJECTS = [["outcome", "How the runs end"], ["mpi", "How it uses MPI"], ["assignment", "How it keeps to the assignment"]];
const VERDICT_LOOKS = { wrong: "bad", "cannot-be-told": "doubt", right: "good" };
const WORST_FIRST = Object.keys(VERDICT_LOOKS);
const verdictWords = (verdict) => verdict.replaceAll("-", " ");

/** A sentence begins with a great letter, unless its first word is a name. */
const sentence = (said) => (/^[a-z]+[ ,:]/.test(said) ? said[0].toUpperCase() + said.slice(1) : said);
/** Words and a full stop. */
const stopped = (said) => (/[.!?]$/.test(said) ? said : `${said}.`);
const list = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

function writeSheet({ headline, grading, about, conditions, failing }) {
  const conditionNames = new Map(conditions);
  const samePlace = (a, b) => a && b && ["test", "condition", "run", "noise"].every((name) => a[name] === b[name]);
  const of = (judgements, verdict) => judgements.filter((it) => it.verdict === verdict);

  const placeWords = ({ test, condition, run, noise }) =>
    [test.startsWith("test") ? test : `test ${test}`, conditionNames.get(condition) ?? condition, `run ${run}`, noise !== null && `seed of the noise ${noise}`].filter(Boolean).join(", ");

  /** "Wrong in 3 of 12 runs; with 95 % confidence the rate is from 9 % to 53 %." */
  function rateWords({ wrong, right, untold, rate }) {
    const told = wrong + right;
    const between = rate && rate[1] - rate[0] < 1 ? `; with 95 % confidence the rate is from ${percent(rate[0])} to ${percent(rate[1])}` : "";
    const others = untold ? ` ${plural(untold, "more run")} did not tell.` : "";
    return `Wrong in ${wrong === told ? (told === 1 ? "the only run" : `all ${count(told)} runs`) : `${count(wrong)} of ${count(told)} runs`}${told < 2 ? "" : between}.${others}`;
  }

  /** The sentence, what it rests on, and what to look at. */
  function evidenceParts({ said, details, hint }) {
    const parts = [element("p", { class: "said" }, sentence(said))];
    if (details.length) parts.push(element("pre", { class: "details", tabindex: "0" }, details.join("\n")));
    if (hint) parts.push(element("p", { class: "advice" }, element("b", {}, "Hint: "), stopped(hint)));
    return parts;
  }

  function checkRow(judgement) {
    const { check, verdict, evidence, place, reason } = judgement;
    const look = VERDICT_LOOKS[verdict];
    const row = element("li", { class: look, "data-check": check, "data-verdict": verdict }, mark(look),
      element("span", { class: "name" }, about[check] ?? check), element("span", { class: "verdict" }, verdictWords(verdict)));
    const told = element("div", { class: "told" });
    if (verdict === "wrong") {
      if (evidence) told.append(...evidenceParts(evidence));
      const where = element("p", { class: "where" }, rateWords(judgement));
      if (place) where.append(` First in ${placeWords(place)}.`);
      if (failing && samePlace(place, failing.place)) {
        const button = element("button", { type: "button" }, "Show ↓");
        button.addEventListener("click", () => $("failing").scrollIntoView({ block: "start" }));
        where.append(button);
      }
      told.append(where);
    } else if (verdict === "cannot-be-told" && reason) told.append(element("p", { class: "reason" }, stopped(sentence(reason))));
    if (told.childNodes.length) row.append(told);
    return row;
  }

  function checkList(title, judgements, hint) {
    const numbers = WORST_FIRST.map((verdict) => [of(judgements, verdict).length, verdictWords(verdict)]).filter(([n]) => n);
    const said = numbers.length === 1 ? `all ${numbers[0][1]}` : numbers.map(([n, word]) => `${n} ${word}`).join(", ");
    const sorted = WORST_FIRST.flatMap((verdict) => of(judgements, verdict));
    const section = element("section", {}, element("h2", {}, `${title}: ${judgements.length === 1 ? numbers[0][1] : said}`));
    if (hint) section.append(element("p", { class: "hint" }, hint));
    section.append(element("ul", { class: "checks" }, ...sorted.map(checkRow)));
    $("checks").append(section);
  }

  function writeHeader() {
    $("title").textContent = document.title = headline;
    const worst = WORST_FIRST.find((verdict) => of([...grading.checks, ...(grading.counts_beyond ? grading.beyond : [])], verdict).length) ?? "right";
    $("outcome").className = VERDICT_LOOKS[worst];
    const { total, of: most } = grading.marks;
    const runs = grading.tests.filter(({ beyond }) => !beyond || grading.counts_beyond).flatMap((test) => test.runs);
    const [right, all] = ["right", "runs"].map((name) => runs.reduce((sum, tally) => sum + tally[name], 0));
    const marks = most > 0 ? `${significant(total)} of ${significant(most)} points, ` : "";
    $("outcome").append(mark(VERDICT_LOOKS[worst]), `${marks}${count(right)} of ${plural(all, "run")} right`);
    $("about").append(element("code", {}, grading.program), `with ${grading.mpi}, ${plural(grading.tests.length, "test")}`);
    $("notes").append(...grading.notes.map((note) => element("li", {}, stopped(sentence(note)))));
  }

  function writeChecks() {
    const present = SUBJECTS.map(([subject, title]) => [title, grading.checks.filter((it) => it.subject === subject)]).filter(([, found]) => found.length);
    for (const [title, found] of present) checkList(title, found);
    if (grading.beyond.length) {
      const hint = grading.counts_beyond ? "The assignment does not promise such inputs. What is wrong here counts, because it was asked for." : "The assignment does not promise such inputs. What is wrong here does not count.";
      checkList("Inputs beyond the assignment", grading.beyond, hint);
    }
  }

  /* The tables */

  /** A table of columns, each with its title and what it says of a row: text, an element or a cell. */
  function fill(table, columns, rows) {
    const cell = (said) => (said instanceof HTMLTableCellElement ? said : element("td", {}, said));
    table.replaceChildren(
      element("thead", {}, element("tr", {}, ...columns.map(([title]) => element("th", { scope: "col" }, title)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...columns.map(([, say]) => cell(say(row)))))),
    );
  }

  function writeTests() {
    const { tests } = grading;
    const failed = tests.filter((test) => test.runs.some(({ runs, right }) => right < runs));
    $("tests-title").textContent = !tests.length ? "There are no tests" : !failed.length ? "Every run of every test came out right"
      : `${failed.length} of ${plural(tests.length, "test")} did not come out right in every run`;
    const seen = conditions.filter(([condition]) => tests.some((test) => test.runs.some((tally) => tally.condition === condition && tally.runs)));
    const columns = seen.map(([condition, words]) => [sentence(words), (test) => {
      const tally = test.runs.find((it) => it.condition === condition);
      if (!tally?.runs) return "–";
      return element("td", { class: tally.right === tally.runs ? "good" : "bad" }, `${tally.right} of ${tally.runs}`);
    }]);
    const name = (test) => {
      const small = [test.origin === "generated" && "generated", test.beyond && `beyond the assignment: ${test.beyond}`].filter(Boolean).join(", ");
      return element("td", {}, test.name, ...(small ? [element("small", {}, small)] : []));
    };
    fill($("tests"), [["Right runs", name], ["Ranks", ({ ranks }) => count(ranks)], ...columns], tests);
  }

  function writeSpeed() {
    const { speed } = grading;
    $("speed-part").hidden = !speed.length;
    if (!speed.length) return;
    const known = (value, say) => (value == null ? "–" : say(value));
    const compared = speed.filter(({ ours }) => ours);
    const times = compared.map(({ wall, ours }) => wall / ours.wall).sort((a, b) => a - b);
    const usual = times[Math.floor((times.length - 1) / 2)];
    const near = usual > 0.8 && usual < 1.25;
    $("speed-title").textContent = !compared.length ? "How fast it is" : near ? "It is about as fast as this program"
      : usual > 1 ? `It takes ${significant(usual)} times as long as this program` : `It takes ${percent(usual)} of the time of this program`;
    const both = (say, value, ours) => [say(value), ...(ours == null ? [] : [element("small", {}, `ours ${say(ours)}`)])];
    const pair = (say, value, ours) => (value == null ? "–" : element("td", {}, ...both(say, value, ours)));
    fill($("speed"), [
      ["Test", ({ test }) => test],
      ["Time", ({ wall, ours }) => pair(duration, wall, ours?.wall)],
      ["Of an empty program", ({ empty }) => known(empty, duration)],
      ["Processor time", ({ cpu, ours }) => pair(duration, cpu, ours?.cpu)],
      ["Messages per segment", ({ messages, ours }) => pair(significant, messages, ours?.messages)],
    ], speed);
  }

  function writeMarks() {
    const { total, of: most, lines } = grading.marks;
    $("marks-part").hidden = !lines.length;
    $("marks-title").textContent = `It is worth ${significant(total)} of ${significant(most)} points`;
    const points = (line) => (line.of ? `${significant(line.points)} of ${significant(line.of)}` : line.points < 0 ? `−${significant(-line.points)}` : significant(line.points));
    const look = (line) => (line.points < line.of ? "bad" : "good");
    fill($("marks"), [["For", ({ reason }) => sentence(reason)], ["Points", (line) => element("td", { class: look(line) }, points(line))]], lines);
  }

  /* The failing run */

  function writeFailing() {
    $("failing").hidden = !failing;
    if (!failing) return;
    $("failing-title").textContent = sentence(failing.title);
    const cut = failing.ranks.flatMap(({ is_cut }, rank) => (is_cut ? [`rank ${rank}`] : []));
    const notes = [sentence(placeWords(failing.place)), failing.ending];
    if (cut.length) notes.push(`There was no room for all calls of ${list(cut)}`);
    $("failing-about").textContent = notes.map(stopped).join(" ");

    const shown = [...grading.checks, ...grading.beyond].filter((it) => it.verdict === "wrong" && it.evidence && samePlace(it.place, failing.place));
    $("explained").append(...shown.map((it) => element("div", {}, ...evidenceParts(it.evidence))));

    $("printed").hidden = !failing.printed;
    $("printed").querySelector("summary").textContent = failing.is_printed_cut ? "The last of what it printed" : "What it printed";
    $("printed").querySelector("pre").textContent = failing.printed;
  }

  writeHeader();
  writeChecks();
  writeTests();
  writeSpeed();
  writeMarks();
  writeFailing();
  $("footer").append(
    element("p", {}, "A check is wrong where a run shows it, and right where all runs that tell it show it right. What the runs do not tell is never called wrong."),
    element("p", { class: "hint" }, `bittorrent ${grading.version} · seed ${grading.seed}`),
  );
}
