import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { summarize } from "./figures.ts";
import type { LoadReport } from "./load/job.ts";
import { formatComparison } from "./report.ts";

const reports = new Map([
  ["subject", [aReport(80, 1), aReport(8, 1), aReport(80, 1)]],
  ["peer", [aReport(40, 0.5), aReport(4, 0.5), aReport(20, 0.5)]],
]);
const subject = summarize({ name: "subject" }, reports, "subject");
const peer = summarize({ name: "peer" }, reports, "subject");

describe("summarize", () => {
  test("gives median, spread and the median of the rounds' ratios", () => {
    assert.deepEqual(peer, {
      name: "peer",
      requestsPerSecond: 20,
      lowest: 4,
      highest: 40,
      ratio: 2,
      cpuShare: 0.5,
      loadCpuShare: 0.25,
    });
  });

  test("gives the inverse where that is asked for", () => {
    assert.equal(summarize({ name: "peer", inverse: true }, reports, "subject").ratio, 0.5);
  });

  test("has no ratio of the subject to itself, nor one without the subject", () => {
    assert.equal(subject.ratio, undefined);
    assert.equal(summarize({ name: "peer" }, reports, "absent").ratio, undefined);
  });

  test("has no processor share where none could be read", () => {
    const unread = new Map([["peer", [{ answers: 1, seconds: 1, requestsPerSecond: 1, loadCpuShare: 1 }]]]);
    assert.equal(summarize({ name: "peer" }, unread, "subject").cpuShare, undefined);
  });
});

describe("formatComparison", () => {
  test("warns of a server that waited for the load, and only of that one", () => {
    const warnings = formatComparison("subject", [subject, peer], undefined).split("\n").slice(4);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^! peer was busy only 50%/);
  });

  test("says when server and load were not pinned", () => {
    assert.match(
      formatComparison("subject", [subject], "there is no taskset"),
      /not pinned.*there is no taskset/,
    );
  });

  test("explains a server that is no result", () => {
    const noted = { ...subject, name: "extra", note: "why it is here" };
    assert.match(
      formatComparison("subject", [noted], undefined),
      /^extra \*[\s\S]*\* extra: why it is here$/m,
    );
  });
});

function aReport(requestsPerSecond: number, serverCpuShare: number): LoadReport {
  return { answers: requestsPerSecond, seconds: 1, requestsPerSecond, serverCpuShare, loadCpuShare: 0.25 };
}
