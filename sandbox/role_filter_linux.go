package sandbox

import "golang.org/x/sys/unix"

// absent is the number of a call that an architecture does not have.
const absent = ^uint32(0)

// assembleRows builds a filter from a table in which a call may have several
// rows: the first that holds answers, and rest is the answer if none does.
func assembleRows(a arch, rows []rule, rest uint32) ([]unix.SockFilter, error) {
	return assembleTable(a, rows, rowBody, rest)
}

// rowBody is what runs when the number is the row's. If no alternative holds it
// loads the number again and falls through to the next row.
func rowBody(r rule) []unix.SockFilter {
	if len(r.when) == 0 {
		return []unix.SockFilter{{Code: giveBack, K: r.action}}
	}
	var body []unix.SockFilter
	for _, conds := range r.when {
		body = append(body, alternative(conds, r.action)...)
	}
	return append(body, unix.SockFilter{Code: loadWord, K: offsetNumber})
}

// countPassing returns how many calls have a row that lets them through.
func countPassing(rows []rule) int {
	names := map[string]bool{}
	for _, r := range rows {
		if r.action == allow {
			names[r.name] = true
		}
	}
	return len(names)
}
