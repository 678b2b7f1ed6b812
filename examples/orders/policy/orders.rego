# What the order API leaves to a policy: rules that change more often than its contract, and that others than its
# programmers answer for. It is asked once the contract has allowed, and can only take away.
#
#   opa run --server --addr 127.0.0.1:8181 policy/orders.rego       OPA_URL=http://127.0.0.1:8181 npm start
#   opa build -t wasm -e orders/decision policy/orders.rego         OPA_WASM=bundle.tar.gz npm start
package orders

# Every act on one order: orders/decision.

decision := {
	"allow": false,
	"reason": "drafts are their owner's",
	# As if it were not there: who may not see a draft need not know that there is one.
	"hide": true,
} if {
	input.action in {"read", "update", "delete"}
	not visible
} else := {
	"allow": false,
	"reason": sprintf("deletions at %s", [input.time]),
	"code": "outside_office_hours",
} if {
	input.action == "delete"
	not office_hours
} else := {
	"allow": false,
	"reason": sprintf("a refund of %v", [input.row.total]),
	"code": "refund_needs_mfa",
} if {
	refund
	input.row.total > refund_ceiling
	not input.principal.assurance == "mfa"
} else := {"allow": true}

# Lists: orders/visible, which OPA turns into a condition of the query. It looks at nothing of a row but its attributes.

visible if input.row.status != "draft"

visible if input.row.ownerId == input.principal.id

visible if "admin" in input.principal.roles

# Monday to Friday, 8:00 to 18:00, in UTC. Counted by hand: it is all the same in WebAssembly, which knows no calendar.

office_hours if {
	weekday in {1, 2, 3, 4, 5}
	hour >= 8
	hour < 18
}

hour := floor(input.nowMs / 3600000) % 24

# 0 is Sunday. The first day of 1970 was a Thursday.
weekday := (floor(input.nowMs / 86400000) + 4) % 7

# What has been paid for and is then cancelled is paid back.
refund if {
	input.action == "update"
	input.row.status in {"paid", "shipped"}
	input.after.status == "cancelled"
}

refund_ceiling := 500
