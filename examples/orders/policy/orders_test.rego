package orders_test

import data.orders

monday_at(hour, minute) := (((19723 * 24) + hour) * 3600000) + (minute * 60000) # Monday, 1 January 2024

saturday_noon := ((19728 * 24) + 12) * 3600000

order(fields) := object.union({"id": "1", "ownerId": "alice", "team": "red", "status": "open", "total": 10}, fields)

asked(action, more) := object.union(
	{
		"principal": {"id": "adam", "roles": ["admin"], "claims": {}, "assurance": "password"},
		"action": action,
		"row": order({}),
		"after": null,
		"nowMs": monday_at(9, 0),
		"time": "2024-01-01T09:00:00.000Z",
	},
	more,
)

mona := {"principal": {"id": "mona", "roles": ["manager"], "claims": {}, "assurance": "password"}}

alice := {"principal": {"id": "alice", "roles": ["user"], "claims": {}, "assurance": "password"}}

refund_of(total) := {
	"row": order({"status": "paid", "total": total}),
	"after": order({"status": "cancelled", "total": total}),
}

test_orders_are_deleted_in_office_hours if {
	every minutes in [[8, 0], [12, 30], [17, 59]] {
		orders.decision.allow with input as asked("delete", {"nowMs": monday_at(minutes[0], minutes[1])})
	}
}

test_orders_are_not_deleted_before_and_after if {
	every minutes in [[0, 0], [7, 59], [18, 0], [23, 59]] {
		decision := orders.decision with input as asked("delete", {"nowMs": monday_at(minutes[0], minutes[1])})
		decision.allow == false
		decision.code == "outside_office_hours"
	}
}

test_orders_are_not_deleted_on_weekends if {
	not orders.decision.allow with input as asked("delete", {"nowMs": saturday_noon})
	not orders.decision.allow with input as asked("delete", {"nowMs": saturday_noon + 86400000})
	orders.decision.allow with input as asked("delete", {"nowMs": saturday_noon + (2 * 86400000)})
}

test_orders_are_changed_and_read_at_any_time if {
	orders.decision.allow with input as asked("read", {"nowMs": saturday_noon})
	orders.decision.allow with input as asked("update", {"nowMs": saturday_noon, "after": order({"total": 5})})
	orders.decision.allow with input as asked("create", {"nowMs": saturday_noon, "row": null, "after": order({})})
}

test_small_refunds_need_nothing_more if {
	orders.decision.allow with input as asked("update", refund_of(500))
}

test_large_refunds_need_a_second_factor if {
	decision := orders.decision with input as asked("update", refund_of(500.01))
	decision.allow == false
	decision.code == "refund_needs_mfa"
	mfa := {"principal": {"id": "adam", "roles": ["admin"], "claims": {}, "assurance": "mfa"}}
	orders.decision.allow with input as asked("update", object.union(refund_of(500.01), mfa))
}

test_what_was_never_paid_is_no_refund if {
	more := {"row": order({"total": 9000}), "after": order({"status": "cancelled", "total": 9000})}
	orders.decision.allow with input as asked("update", more)
}

test_drafts_are_seen_by_their_owner_and_administrators if {
	draft := {"row": order({"status": "draft"})}
	orders.decision.allow with input as asked("read", draft)
	orders.decision.allow with input as asked("read", object.union(draft, alice))
	decision := orders.decision with input as asked("read", object.union(draft, mona))
	decision.allow == false
	decision.hide == true
}

test_other_orders_are_seen_by_all if {
	orders.decision.allow with input as asked("read", mona)
	orders.visible with input as asked("read", mona)
}
