package store

import (
	"errors"
	"fmt"
	"io"

	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// Loaded says what [Store.Load] found.
type Loaded struct {
	// Headers is the number of headers that were handed on.
	Headers int
	// Torn is the number of bytes of a torn tail, 0 if there is none: the last
	// writes before a crash, of which nobody was told that they are on the disk.
	// The next [Store.Keep] cuts them off.
	Torn int64
}

// Load hands all headers to each, in the order in which they were kept, at most
// [MaxBatch] at a time; the slice is good until each returns. A batch may hold
// several branches. It is called once, before the first Keep, and writes nothing.
//
// The error is [ErrDamaged], one of the system, or what each returned; it names
// the offset in bytes, for a [*headerchain.HeaderError] that of its header.
func (s *Store) Load(each func([]btc.Header) error) (Loaded, error) {
	if s.loaded {
		return Loaded{}, ErrOrder
	}
	s.loaded = true
	if !s.begun {
		s.torn = s.size > 0
		return Loaded{Torn: s.size}, nil
	}
	whole := int((s.size - lineSize) / recordSize)
	s.buffer = make([]byte, 0, MaxBatch*recordSize)
	headers := make([]btc.Header, 0, MaxBatch)
	for good := true; good && s.count < whole; {
		var err error
		if headers, good, err = s.readBatch(headers[:0], min(MaxBatch, whole-s.count)); err != nil {
			return Loaded{Headers: s.count}, s.failed(err)
		}
		if len(headers) == 0 {
			break
		}
		if err := each(headers); err != nil {
			return Loaded{Headers: s.count}, s.refused(err)
		}
		s.count += len(headers)
	}
	torn := s.size - offsetOf(s.count)
	s.torn = torn > 0
	return Loaded{Headers: s.count, Torn: torn}, nil
}

// readBatch reads the next n records. It is false if one of them begins a torn
// tail; headers are then those before it.
func (s *Store) readBatch(headers []btc.Header, n int) ([]btc.Header, bool, error) {
	records, err := s.read(s.count, n)
	if err != nil {
		return nil, false, err
	}
	for i := range n {
		record := records[i*recordSize:]
		if _, ok := checkRecord(record, s.seed, s.count+i); !ok {
			return headers, false, s.checkTorn(s.count + i)
		}
		headers = append(headers, btc.Header(record[:btc.HeaderSize]))
	}
	return headers, true, nil
}

// checkTorn decides whether a record that does not check begins a torn tail. It
// does if it may be of the last batch: no more than a batch is there from it on,
// and nothing behind it was written when it was on the disk.
func (s *Store) checkTorn(number int) error {
	damaged := fmt.Errorf("record %d at offset %d: %w; %s", number, offsetOf(number), ErrDamaged, deletable)
	left := s.size - offsetOf(number)
	if left > MaxBatch*recordSize {
		return damaged
	}
	n := int(left / recordSize)
	records, err := s.read(number, n)
	if err != nil {
		return err
	}
	for i := 1; i < n; i++ {
		if since, ok := checkRecord(records[i*recordSize:], s.seed, number+i); ok && since > number {
			return damaged
		}
	}
	return nil
}

// read returns n records, MaxBatch at most, from a number on.
func (s *Store) read(number, n int) ([]byte, error) {
	records := s.buffer[:n*recordSize]
	at := offsetOf(number)
	if got, err := s.disk.ReadAt(records, at); got < len(records) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("read at offset %d: %w", at+int64(got), err)
	}
	return records, nil
}

// refused says where the header is that the caller did not take.
func (s *Store) refused(err error) error {
	number := s.count
	if refused, ok := errors.AsType[*headerchain.HeaderError](err); ok {
		number += refused.Index
	}
	return s.failed(fmt.Errorf("record %d at offset %d: %w", number, offsetOf(number), err))
}

func (s *Store) failed(err error) error { return fmt.Errorf("headers: %s: %w", s.path, err) }
