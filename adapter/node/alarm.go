package node

import (
	"fmt"
	"time"
)

// alarmSaid remembers when an alarm was said last.
type alarmSaid struct {
	code AlarmCode
	key  string
	at   time.Time
}

// alarm says something to a human, unless it said the same, by code and key,
// within [alarmEvery].
func (n *Node) alarm(code AlarmCode, key, detail string) {
	for i, said := range n.alarms {
		if said.code != code || said.key != key {
			continue
		}
		if n.now.Sub(said.at) < alarmEvery {
			return
		}
		n.alarms = append(n.alarms[:i], n.alarms[i+1:]...)
		break
	}
	if len(n.alarms) >= maxAlarms {
		n.alarms = append(n.alarms[:0], n.alarms[1:]...)
	}
	n.alarms = append(n.alarms, alarmSaid{code, key, n.now})
	n.do(Alarm{Code: code, Detail: detail})
}

func (n *Node) fatal(code FatalCode, detail string) {
	n.dead = true
	n.releaseAll()
	n.do(Fatal{Code: code, Detail: detail})
}

// clip makes a text from outside fit to stand in one of ours: short and quoted
// if it has anything odd in it.
func clip(text string) string {
	if len(text) > maxDetail {
		text = text[:maxDetail] + "..."
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			return fmt.Sprintf("%q", text)
		}
	}
	return text
}
