package adapter

import (
	"log/slog"
	"time"

	"blockgate/adapter/node"
)

// progress says how far the sync is: every 10 s while it runs, once when it is
// done, and when the height of a synced journal moves.
type progress struct {
	last   time.Time
	synced bool
	height int32 // of the journal when it was last said
}

func (p *progress) tick(log *slog.Logger, now time.Time, s node.Status) {
	if p.last.IsZero() {
		p.last = now
	}
	waiting := slog.String("waiting_for", s.WaitingFor)
	if !s.Syncing {
		if !p.synced {
			log.Info("synced", slog.Int("height", int(s.JournalHeight)), slog.String("tip", s.JournalTip.String()), slog.Int("peers", s.Peers))
		} else if p.height != int32(s.JournalHeight) {
			log.Info("tip", slog.Int("height", int(s.JournalHeight)), slog.String("tip", s.JournalTip.String()))
		}
		p.synced, p.height, p.last = true, int32(s.JournalHeight), now
		return
	}
	p.synced = false
	if now.Sub(p.last) < progressInterval {
		return
	}
	p.last = now
	log.Info("syncing", slog.Int("height", int(s.JournalHeight)), slog.Int("of", int(s.BestHeight)),
		slog.Float64("blocks_per_second", s.BlocksPerSecond), slog.Duration("left", s.Left.Round(time.Second)),
		slog.Int("peers", s.Peers), waiting)
}
