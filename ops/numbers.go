package ops

import (
	"slices"
	"time"
)

// Numbers are what the adapter knows of itself when somebody scrapes. Keys of the
// maps are words of the label's set; what is not in the set counts as [OtherWord].
type Numbers struct {
	Known bool // something is known; false: only what does not come from the adapter is shown

	PeersHeight, HeadersHeight, JournalHeight, FinalHeight int32

	TipAge               time.Duration
	Groups, GroupsAgree  int
	Peers                int // whose handshake is done
	Addresses            int // in the address book
	Parked               int
	Held, Idle           bool
	BlocksPerSecond      float64
	Bodies               int // proven ones that are held
	Budget, BudgetUsed   int // bytes
	BudgetWaiting        int // blocks
	ReorgDepth           int // of the last one, blocks
	Queues               map[string]uint64
	Healthy              map[string]bool // by probe
	Failing              map[string]bool // codes of reasons for not being ready
	Dials, DialsFailed   uint64
	Connected            uint64
	Headers              uint64
	Doubtful             uint64 // bodies for which a second opinion was asked
	Reorgs               uint64
	Connects, Disconnect uint64 // events of the journal
	Resets               uint64
	BytesIn, BytesOut    uint64 // payloads

	Ends, Bans, Timeouts    map[string]uint64 // by reason
	Outcomes                map[string]uint64 // of bodies
	Alarms                  map[string]uint64 // by code
	Transactions            map[string]uint64 // of ours, by the state that they came to
	Received, Sent, Dropped map[string]uint64 // messages, by command; Dropped by verdict
}

// OtherWord is the word for all that is not of a label's set. Each set of [Config]
// that counts something of the adapter has it, given or not.
const OtherWord = "other"

// family is one metric of the adapter.
type family struct {
	name, label, help string
	counter           bool
	words             []string // of the label, nil for none
	value             func(n *Numbers) float64
	values            func(n *Numbers) map[string]float64
}

// families returns the metrics of the adapter: a row each, in the order of the
// documentation. The names without a prefix are those of the adapter of the Internet
// Computer, for what means the same there.
//
// Source: rs/bitcoin/adapter/src/metrics.rs of dfinity/ic.
func families(c *Config) []family {
	return append(append(stateFamilies(c), countFamilies(c)...), []family{
		gauge("tip_height", "The same as blockgate_height{of=\"headers\"}.", func(n *Numbers) float64 { return float64(n.HeadersHeight) }),
		gauge("available_connections", "The same as blockgate_peers.", func(n *Numbers) float64 { return float64(n.Peers) }),
		gauge("known_peer_addresses", "The same as blockgate_known_addresses.", func(n *Numbers) float64 { return float64(n.Addresses) }),
		gauge("block_cache_elements", "The same as blockgate_bodies_held.", func(n *Numbers) float64 { return float64(n.Bodies) }),
		counter("connection_total", "The same as blockgate_dials_total.", func(n *Numbers) float64 { return float64(n.Dials) }),
		counters("bitcoin_network_messages_received_total", "The same as blockgate_messages_received_total.", "type", open(c.Commands), func(n *Numbers) map[string]uint64 { return n.Received }),
		counters("bitcoin_network_messages_sent_total", "The same as blockgate_messages_sent_total.", "type", open(c.Commands), func(n *Numbers) map[string]uint64 { return n.Sent }),
	}...)
}

// stateFamilies say where things stand.
func stateFamilies(c *Config) []family {
	return []family{
		labelled("blockgate_height", "Heights: of the peers' headers (median of the network groups), of our best header, of the journal, and up to which it is final.",
			"of", []string{"peers", "headers", "journal", "final"}, func(n *Numbers) map[string]float64 {
				return map[string]float64{"peers": float64(n.PeersHeight), "headers": float64(n.HeadersHeight), "journal": float64(n.JournalHeight), "final": float64(n.FinalHeight)}
			}),
		gauge("blockgate_tip_age_seconds", "How long ago the journal's tip says that it was made.", func(n *Numbers) float64 { return n.TipAge.Seconds() }),
		gauge("blockgate_blocks_per_second", "How fast the journal grew over the last minute.", func(n *Numbers) float64 { return n.BlocksPerSecond }),
		labelled("blockgate_netgroups", "Network groups of the peers, and how many of them have the journal's tip.", "of", []string{"peers", "agree"},
			func(n *Numbers) map[string]float64 {
				return map[string]float64{"peers": float64(n.Groups), "agree": float64(n.GroupsAgree)}
			}),
		gauge("blockgate_peers", "Peers whose handshake is done.", func(n *Numbers) float64 { return float64(n.Peers) }),
		gauge("blockgate_known_addresses", "Addresses in the address book.", func(n *Numbers) float64 { return float64(n.Addresses) }),
		labelled("blockgate_health", "1 if the probe says yes.", "probe", probeNames(), func(n *Numbers) map[string]float64 { return ones(n.Healthy) }),
		labelled("blockgate_not_ready", "1 for each reason for which readers had better wait.", "reason", ReasonCodes(), func(n *Numbers) map[string]float64 { return ones(n.Failing) }),
		gauge("blockgate_parked_blocks", "Blocks whose branches are set aside.", func(n *Numbers) float64 { return float64(n.Parked) }),
		gauge("blockgate_held", "1 while a branch waits for the operator.", func(n *Numbers) float64 { return one(n.Held) }),
		gauge("blockgate_idle", "1 while nobody wants blocks and all peers were let go.", func(n *Numbers) float64 { return one(n.Idle) }),
		labelled("blockgate_queue_depth", "What waits, by queue.", "queue", open(c.Queues), func(n *Numbers) map[string]float64 { return floats(n.Queues) }),
		labelled("blockgate_body_budget_bytes", "Memory for bodies that are on their way, and how much of it is in use.", "of", []string{"all", "used"},
			func(n *Numbers) map[string]float64 {
				return map[string]float64{"all": float64(n.Budget), "used": float64(n.BudgetUsed)}
			}),
		gauge("blockgate_body_budget_waiting", "Blocks that wait for room in that memory.", func(n *Numbers) float64 { return float64(n.BudgetWaiting) }),
		gauge("blockgate_bodies_held", "Proven bodies that are not stored yet.", func(n *Numbers) float64 { return float64(n.Bodies) }),
		gauge("blockgate_reorg_depth_blocks", "Blocks that the last reorg took back.", func(n *Numbers) float64 { return float64(n.ReorgDepth) }),
	}
}

// countFamilies say what happened since the adapter began.
func countFamilies(c *Config) []family {
	return []family{
		counter("blockgate_reorgs_total", "Reorgs of the journal.", func(n *Numbers) float64 { return float64(n.Reorgs) }),
		counters("blockgate_journal_events_total", "Events that were appended to the journal.", "kind", []string{"connect", "disconnect", "reset"},
			func(n *Numbers) map[string]uint64 {
				return map[string]uint64{"connect": n.Connects, "disconnect": n.Disconnect, "reset": n.Resets}
			}),
		counter("blockgate_dials_total", "Connections that were tried.", func(n *Numbers) float64 { return float64(n.Dials) }),
		counter("blockgate_dials_failed_total", "Connections that ended before the handshake was done.", func(n *Numbers) float64 { return float64(n.DialsFailed) }),
		counter("blockgate_connections_total", "Handshakes that were done.", func(n *Numbers) float64 { return float64(n.Connected) }),
		counters("blockgate_disconnects_total", "Connections that ended, by reason.", "reason", open(c.Reasons), func(n *Numbers) map[string]uint64 { return n.Ends }),
		counters("blockgate_bans_total", "Bans, by reason.", "reason", open(c.Reasons), func(n *Numbers) map[string]uint64 { return n.Bans }),
		counters("blockgate_timeouts_total", "Connections that ended because something did not come in time; they are among the disconnects.", "reason", open(c.Timeouts),
			func(n *Numbers) map[string]uint64 { return n.Timeouts }),
		counters("blockgate_bodies_total", "Bodies of blocks that came, by what came of them; all but proven were discarded.", "outcome", open(c.Outcomes),
			func(n *Numbers) map[string]uint64 { return n.Outcomes }),
		counter("blockgate_bodies_doubtful_total", "Bodies on which a first parser failed or took long, so that a second opinion was asked.", func(n *Numbers) float64 { return float64(n.Doubtful) }),
		counter("blockgate_headers_received_total", "Headers that peers sent, new or not.", func(n *Numbers) float64 { return float64(n.Headers) }),
		counters("blockgate_messages_received_total", "Messages that came, by command.", "type", open(c.Commands), func(n *Numbers) map[string]uint64 { return n.Received }),
		counters("blockgate_messages_sent_total", "Messages that went, by command.", "type", open(c.Commands), func(n *Numbers) map[string]uint64 { return n.Sent }),
		counters("blockgate_messages_discarded_total", "Messages of those that came into which nobody looked, by why.", "verdict", open(c.Verdicts),
			func(n *Numbers) map[string]uint64 { return n.Dropped }),
		counters("blockgate_message_bytes_total", "Payloads of all messages.", "direction", []string{"in", "out"},
			func(n *Numbers) map[string]uint64 { return map[string]uint64{"in": n.BytesIn, "out": n.BytesOut} }),
		counters("blockgate_transactions_total", "Transactions of ours, by the state that they came to.", "state", open(c.States),
			func(n *Numbers) map[string]uint64 { return n.Transactions }),
		counters("blockgate_alarms_total", "Alarms, by code; each also stands in the log.", "code", open(c.Alarms), func(n *Numbers) map[string]uint64 { return n.Alarms }),
	}
}

func gauge(name, help string, value func(*Numbers) float64) family {
	return family{name: name, help: help, value: value}
}

func counter(name, help string, value func(*Numbers) float64) family {
	return family{name: name, help: help, counter: true, value: value}
}

func labelled(name, help, label string, words []string, values func(*Numbers) map[string]float64) family {
	return family{name: name, help: help, label: label, words: words, values: values}
}

// counters is a family of counts. It has a series for each word from the start, so
// that a rate is known when the first one is counted.
func counters(name, help, label string, words []string, values func(*Numbers) map[string]uint64) family {
	f := labelled(name, help, label, words, func(n *Numbers) map[string]float64 { return floats(values(n)) })
	f.counter = true
	return f
}

// open is a set of words with one for all others.
func open(words []string) []string {
	if slices.Contains(words, OtherWord) {
		return words
	}
	return append(slices.Clip(words), OtherWord)
}

func floats(counts map[string]uint64) map[string]float64 {
	values := make(map[string]float64, len(counts))
	for name, count := range counts {
		values[name] = float64(count)
	}
	return values
}

func ones(truths map[string]bool) map[string]float64 {
	values := make(map[string]float64, len(truths))
	for name, truth := range truths {
		values[name] = one(truth)
	}
	return values
}

func one(truth bool) float64 {
	if truth {
		return 1
	}
	return 0
}

func probeNames() []string {
	var names []string
	for _, p := range Probes() {
		names = append(names, p.Name)
	}
	return names
}
