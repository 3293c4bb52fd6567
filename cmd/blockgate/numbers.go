package main

import (
	"slices"
	"strings"

	"blockgate/adapter"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/ops"
)

// Names of the adapter's queues, as a label.
const (
	queueEvents   = "events"
	queueJournal  = "journal"
	queueVerdicts = "verdicts"
	queueHeaders  = "headers"
)

// addNumberWords adds the words that labels of the adapter's own numbers may have.
func addNumberWords(words *ops.Config) {
	for _, r := range node.Reasons() {
		words.Reasons = append(words.Reasons, labelWord(string(r)))
	}
	words.Timeouts = slices.DeleteFunc(slices.Clone(words.Reasons), func(word string) bool { return !isTimeout(word) })
	for o := node.OutcomeProven; o.Valid(); o++ {
		words.Outcomes = append(words.Outcomes, labelWord(adapter.OutcomeWord(o)))
	}
	words.Outcomes = append(words.Outcomes, adapter.UnneededWord)
	words.Commands = link.Commands()
	for _, v := range []link.Verdict{link.Unknown, link.Drop, link.Ban} {
		words.Verdicts = append(words.Verdicts, v.String())
	}
	for _, code := range node.AlarmCodes() {
		words.Alarms = append(words.Alarms, labelWord(string(code)))
	}
	for state := node.TxMalformed; state <= node.TxExpired; state++ {
		words.States = append(words.States, labelWord(state.String()))
	}
	words.Queues = []string{queueEvents, queueJournal, queueVerdicts, queueHeaders}
}

// labelWord makes a reason fit to be a label.
func labelWord(reason string) string { return strings.NewReplacer("-", "_", " ", "_").Replace(reason) }

func labelWords(counts map[string]uint64) map[string]uint64 {
	words := make(map[string]uint64, len(counts))
	for reason, count := range counts {
		words[labelWord(reason)] += count
	}
	return words
}

// isTimeout reports whether a reason means that something did not come in time.
func isTimeout(word string) bool {
	switch word {
	case "stall", "silent", "no_pong", "slow_frame":
		return true
	}
	return strings.HasSuffix(word, "_timeout")
}

// numbers returns what a scrape shows of the adapter.
func (s *status) numbers() ops.Numbers {
	seen, counted := s.pulse.Snapshot(), s.pulse.Counts()
	now := seen.Status
	n := ops.Numbers{
		Known:       !seen.Time.IsZero(),
		PeersHeight: int32(now.PeersHeight), HeadersHeight: int32(now.BestHeight), JournalHeight: int32(now.JournalHeight), FinalHeight: int32(now.FinalHeight),
		TipAge: now.TipAge, Groups: now.Groups, GroupsAgree: now.GroupsAgree, Peers: now.Peers, Addresses: seen.Addresses,
		Parked: len(now.ParkedHashes), Held: now.Held != "", Idle: seen.Idle, BlocksPerSecond: now.BlocksPerSecond,
		Bodies: seen.Bodies, Budget: seen.Budget, BudgetUsed: seen.BudgetUsed, BudgetWaiting: seen.BudgetWaiting,
		Queues: map[string]uint64{
			queueEvents: uint64(seen.Events), queueJournal: uint64(seen.Jobs), queueVerdicts: uint64(seen.Verdicts), queueHeaders: uint64(seen.Headers),
		},
		Dials: counted.Dials, DialsFailed: counted.DialsFailed, Connected: counted.Connected, Headers: counted.Headers, Doubtful: counted.Doubtful,
		Reorgs: counted.Reorgs, ReorgDepth: counted.ReorgDepth, Connects: counted.Connects, Disconnect: counted.Disconnects, Resets: counted.Resets,
		BytesIn: counted.BytesIn, BytesOut: counted.BytesOut,
		Ends: labelWords(counted.Ends), Bans: labelWords(counted.Bans), Outcomes: labelWords(counted.Bodies), Alarms: labelWords(counted.Alarms), Transactions: labelWords(counted.Transactions),
		Received: counted.Received, Sent: counted.Sent, Dropped: counted.Dropped,
		Timeouts: map[string]uint64{}, Healthy: map[string]bool{}, Failing: map[string]bool{},
	}
	for reason, count := range n.Ends {
		if isTimeout(reason) {
			n.Timeouts[reason] = count
		}
	}
	for name, report := range s.health() {
		n.Healthy[name] = report.OK
	}
	for _, r := range ops.Ready(s.facts()).Reasons {
		n.Failing[r.Code] = true
	}
	return n
}
