/** Checks of single values in a contract. */
import { ContractError } from "./refusal.ts";

/** @throws {ContractError} `option_invalid` */
export function checkText(value: string, place: string): string {
  if (typeof value !== "string" || value === "") {
    throw new ContractError("option_invalid", place, "It is empty.");
  }
  return value;
}

/** @throws {ContractError} `option_invalid` */
export function checkRange(value: number, least: number, most: number, place: string): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ContractError("option_invalid", place, `It is not a whole number from ${least} to ${most}.`);
  }
  return value;
}
