package store

import (
	"fmt"

	"blockgate/internal/btc"
)

// Keep writes headers and returns nil when they, and all from before, are on the
// disk. A header comes after its parent. The slice stays the caller's.
//
// On an error of the system (no space, read-only, a lost device) the headers are
// taken and wait in memory: the next Keep, also one of nil, tries to write all
// that wait. On [ErrBehind] and [ErrTooMany] they are not taken, nor is any later
// one, since its parents would be missing.
//
// The order of writes, each synced before the next begins:
//
//  1. the first line, and the file's name in its folder;
//  2. the cut of a torn tail, so that nothing of it can be taken for a record
//     behind those that come, and what was loaded: a process that was killed may
//     have left it unsynced;
//  3. batches of records. A batch that failed, in writing or in syncing, is
//     written again in the same place: after a failed sync the system may have
//     dropped the bytes, so syncing alone would prove nothing. Its records are
//     the same each time, so it does not matter which of the tries a crash leaves.
func (s *Store) Keep(headers []btc.Header) error {
	switch {
	case s.readOnly:
		return s.failed(ErrReadOnly)
	case !s.loaded:
		return ErrOrder
	}
	stopped := s.take(headers)
	if err := s.flush(); err != nil {
		return fmt.Errorf("headers: %s: %w; %d wait in memory", s.path, err, len(s.waiting))
	}
	return stopped
}

// Waiting returns how many headers are not on the disk.
func (s *Store) Waiting() int { return len(s.waiting) }

// take adds headers to those that wait, or says why it takes no more.
func (s *Store) take(headers []btc.Header) error {
	switch {
	case s.stopped != nil || len(headers) == 0:
	case len(s.waiting)+len(headers) > s.maxWaiting:
		s.stopped = s.failed(fmt.Errorf("%w: want %d at most; those that come later are asked of peers after the next start", ErrBehind, s.maxWaiting))
	case s.count+len(s.waiting)+len(headers) > s.maxRecords:
		s.stopped = s.failed(fmt.Errorf("%w: want %d at most; %s while the service is stopped", ErrTooMany, s.maxRecords, deletable))
	default:
		s.waiting = append(s.waiting, headers...)
	}
	return s.stopped
}

// flush writes all that waits.
func (s *Store) flush() error {
	if err := s.prepare(); err != nil {
		return err
	}
	written := 0
	var err error
	for err == nil && written < len(s.waiting) {
		batch := s.waiting[written:min(len(s.waiting), written+MaxBatch)]
		if err = s.writeBatch(batch); err == nil {
			written += len(batch)
		}
	}
	s.waiting = s.waiting[:copy(s.waiting, s.waiting[written:])]
	if len(s.waiting) == 0 && cap(s.waiting) > keptBuffer {
		s.waiting = nil
	}
	return err
}

// prepare makes the file ready for records, once.
func (s *Store) prepare() error {
	if !s.settled {
		if err := s.settle(); err != nil {
			return err
		}
		s.settled = true
	}
	if s.begun {
		return nil
	}
	if _, err := s.disk.WriteAt(s.line[:], 0); err != nil {
		return fmt.Errorf("write the first line: %w", err)
	}
	if err := s.disk.Sync(); err != nil {
		return fmt.Errorf("sync the first line: %w", err)
	}
	if err := s.disk.SyncDir(); err != nil {
		return fmt.Errorf("sync the folder: %w", err)
	}
	s.begun = true
	return nil
}

// settle cuts a torn tail off and syncs what was loaded.
func (s *Store) settle() error {
	if s.torn {
		size := int64(0)
		if s.begun {
			size = offsetOf(s.count)
		}
		if err := s.disk.Truncate(size); err != nil {
			return fmt.Errorf("cut the torn tail at offset %d: %w", size, err)
		}
	}
	if err := s.disk.Sync(); err != nil {
		return fmt.Errorf("sync what was there: %w", err)
	}
	return nil
}

// writeBatch writes and syncs records behind those that are on the disk.
func (s *Store) writeBatch(batch []btc.Header) error {
	if s.buffer == nil {
		s.buffer = make([]byte, 0, MaxBatch*recordSize)
	}
	records := s.buffer[:0]
	for i := range batch {
		records = appendRecord(records, s.seed, &batch[i], s.count, s.count+i)
	}
	at := offsetOf(s.count)
	if n, err := s.disk.WriteAt(records, at); err != nil {
		return fmt.Errorf("write at offset %d: %w", at+int64(n), err)
	}
	if err := s.disk.Sync(); err != nil {
		return fmt.Errorf("sync at offset %d: %w", at, err)
	}
	s.count += len(batch)
	return nil
}
