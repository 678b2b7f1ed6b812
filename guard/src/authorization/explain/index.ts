/**
 * `@bulwark/guard/explain`: the rule, read by people: why a decision is what it is, who may, what someone may, the contract
 * as data, and decisions kept to be replayed.
 *
 * What it answers names roles, conditions, and others' values. It is for those who may read the whole rule.
 */
export {
  type Asker,
  createDecider,
  type DecidedQuestion,
  type Decider,
  type DeciderOptions,
  type Question,
  ruleDenials,
  type Verdict,
} from "../../pipeline/decide.ts";
export type { DecisionRecord } from "../../pipeline/decision-record.ts";
export { questionOf, readDecisionRecord } from "../../recording/read-record.ts";
export {
  type DecisionRecorder,
  type RecordOptions,
  recordDecisions,
} from "../../recording/record-decisions.ts";
export { claimNames } from "./claim-names.ts";
export { cleanText, describeCondition, nameText, quoteText } from "./condition-text.ts";
export { contractDocument, type Json } from "./contract-document.ts";
export {
  contractRoles,
  createExplain,
  type Explain,
  type ExplainOptions,
  type Explanation,
  explain,
} from "./explain.ts";
export type { FindingOutcome, GrantFinding } from "./findings.ts";
export type { PolicyFinding } from "./policy-finding.ts";
export { describePrincipals, type PartialRow, type PrincipalCondition } from "./principal-condition.ts";
export { type RowShape, readChanges, readRecordedRow, readRow, rowShape } from "./row-data.ts";
export { type AbleAsker, thoseWhoCan } from "./those-who-can.ts";
export type { ConditionTrace } from "./trace.ts";
export { type WhatAnswer, type WhatGrant, type WhatQuestion, whatCan } from "./what-can.ts";
export {
  type WhoAnswer,
  type WhoCan,
  type WhoCanOptions,
  type WhoWay,
  whoCan,
} from "./who-can.ts";
