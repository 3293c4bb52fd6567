package adapter

import (
	"context"
	"errors"

	"blockgate/adapter/node"
)

// journalJob is one call of the journal. If it never runs, its body goes back.
type journalJob struct {
	run  func(context.Context)
	body Proven // nil for none
}

func (j journalJob) drop() {
	if j.body != nil {
		j.body.Release()
	}
}

// runJournal does the journal's jobs, one after the other, until ctx is done.
// The job in hand then ends under journalCtx.
func (s *shell) runJournal(ctx, journalCtx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-s.jobs:
			s.pulse.working(s.now())
			job.run(journalCtx)
			s.pulse.rested()
		}
	}
}

// job queues a job for the journal.
func (s *shell) job(job journalJob) {
	select {
	case s.jobs <- job:
	default:
		panic("adapter: the brain has more journal jobs under way than it may")
	}
}

func (s *shell) loadJournal() {
	s.job(journalJob{run: func(ctx context.Context) {
		loaded, err := s.config.Journal.Load(ctx)
		if errors.Is(err, ErrPermanent) {
			s.failed <- err // read once; the loop ends with it
			return
		}
		if err != nil {
			s.post(ctx, node.JournalFailed{Detail: err.Error()})
			return
		}
		s.post(ctx, loaded)
	}})
}

func (s *shell) fetchHeader(a node.FetchHeader) {
	s.job(journalJob{run: func(ctx context.Context) {
		header, err := s.config.Journal.HeaderOf(ctx, a.Hash, a.Height)
		if err != nil {
			s.post(ctx, node.JournalHeader{Hash: a.Hash, Detail: err.Error()})
			return
		}
		s.post(ctx, node.JournalHeader{Hash: a.Hash, Header: header, Found: true})
	}})
}

func (s *shell) store(a node.Store) {
	body := s.takeBody(a.Body)
	s.job(journalJob{body: body, run: func(ctx context.Context) {
		err := s.config.Journal.Store(ctx, body)
		body.Release()
		if err != nil {
			s.post(ctx, node.BodyStoreFailed{Hash: a.Hash, Body: a.Body, Detail: err.Error()})
			return
		}
		s.post(ctx, node.BodyStored{Hash: a.Hash, Body: a.Body})
	}})
}

func (s *shell) append(a node.Append) {
	s.job(journalJob{run: func(ctx context.Context) {
		seq, err := s.config.Journal.Append(ctx, a)
		if err != nil {
			s.post(ctx, node.EventMoved{Detail: err.Error(), Stale: errors.Is(err, ErrStale)})
			return
		}
		s.post(ctx, node.EventAppended{Hash: a.Hash, Kind: a.Kind, Seq: seq})
	}})
}
