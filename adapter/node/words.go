package node

import "slices"

// Reasons returns every reason for which a connection can end or an address can be
// banned, sorted; of those that name a rule behind a colon what stands before it.
func Reasons() []Reason {
	all := make([]Reason, 0, len(costs))
	for reason := range costs {
		if reason != "" {
			all = append(all, reason)
		}
	}
	slices.Sort(all)
	return all
}

// AlarmCodes returns the codes of all alarms.
func AlarmCodes() []AlarmCode {
	return []AlarmCode{
		AlarmNoPeers, AlarmSameBytes, AlarmDisagree, AlarmParked, AlarmParkedLeads, AlarmHeld, AlarmJournalUnknown, AlarmClock, AlarmJournalEmptied,
	}
}
