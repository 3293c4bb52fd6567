package link

// Purpose is what a connection is for. The zero Purpose is headers, blocks and
// addresses.
type Purpose uint8

// The other purposes. Both say in their version message that they want to hear of
// transactions, and both take nothing but what is named here; a tx ends them as it ends
// any connection.
const (
	// Carrier brings a peer one transaction of ours: Config.Take gets its getdata.
	Carrier Purpose = iota + 1
	// Observer hears which transactions a peer announces: Config.Take gets its inv.
	Observer
)

// Relay reports whether our version message says that we want to hear of transactions.
func (p Purpose) Relay() bool { return p != 0 }

// dropped is what an honest node tells or asks everybody and that is of no use to a
// connection for transactions.
var dropped = map[Command]rule{ //nolint:gochecknoglobals // a table, never written
	CommandOf("headers"):  drop(policy[CommandOf("headers")].max),
	CommandOf("inv"):      drop(policy[CommandOf("inv")].max),
	CommandOf("notfound"): drop(policy[CommandOf("notfound")].max),
	CommandOf("addr"):     drop(policy[CommandOf("addr")].max),
	CommandOf("addrv2"):   drop(policy[CommandOf("addrv2")].max),
}

// rule returns the row for a command; false if it is in no table.
func (p Purpose) rule(command Command) (rule, bool) {
	row, known := policy[command]
	if p == 0 {
		return row, known
	}
	switch {
	case p == Carrier && command == CommandOf("getdata"):
		return rule{verdict: Take, min: 1, keep: 3 + MaxRequested*inventorySize, max: row.max, phase: open}, true
	case p == Observer && command == CommandOf("inv"):
		return rule{verdict: Take, min: 1, keep: row.keep, max: row.max, phase: open}, true
	}
	if other, is := dropped[command]; is {
		return other, true
	}
	return row, known
}
