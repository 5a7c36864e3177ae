// Runs a bundle of Jasmine's tests in Node, and writes what became of each into $REPORT.
const { writeFileSync } = require("node:fs");
const Jasmine = require("jasmine");

const runner = new Jasmine();
const results = [];
const report = () => writeFileSync(process.env.REPORT, JSON.stringify(results));
runner.clearReporters();
runner.addReporter({
  specDone: ({ fullName, status, failedExpectations }) => {
    results.push({ name: fullName, status, errors: failedExpectations.map((each) => each.message) });
    report();
  },
});
runner.loadConfig({ random: false });
runner.exitOnCompletion = false;
process.on("unhandledRejection", (reason) => console.error("unhandled rejection", reason));
runner.execute([process.argv[2]]).then(() => { report(); process.exit(0); });
