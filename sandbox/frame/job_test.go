package frame_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/frame"
)

var someJob = frame.Job{
	Kind: frame.KindBlock,
	Seq:  0x0102030405060708, Slot: 3, Len: 1_581_623, Network: btc.Signet, Height: 866_342, MedianTime: 1_700_000_000,
}

func TestJobRoundTrip(t *testing.T) {
	b := someJob.Append([]byte("before"))
	want := []byte{
		'J', 1, 4, 0, 3, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
		0x37, 0x22, 0x18, 0, 0x26, 0x38, 0x0d, 0, 0, 0xf1, 0x53, 0x65, 0, 0, 0, 0,
	}
	if !bytes.Equal(b, append([]byte("before"), want...)) {
		t.Errorf("got %x", b)
	}
	if got, err := frame.DecodeJob(want); err != nil || got != someJob {
		t.Errorf("got %+v, %v", got, err)
	}
	alone := frame.Job{Kind: frame.KindTransaction, Seq: 9, Slot: 1, Len: 60}
	if got, err := frame.DecodeJob(alone.Append(nil)); err != nil || got != alone {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestJobRefusals(t *testing.T) {
	good := someJob.Append(nil)
	for n := range good {
		if _, err := frame.DecodeJob(good[:n]); !errors.Is(err, frame.ErrJob) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	if _, err := frame.DecodeJob(append(slices.Clone(good), 0)); !errors.Is(err, frame.ErrJob) {
		t.Errorf("a byte more: %v", err)
	}
	with := func(change func(j *frame.Job)) []byte {
		j := someJob
		change(&j)
		return j.Append(nil)
	}
	tx := frame.Job{Kind: frame.KindTransaction, Seq: 9, Slot: 1, Len: 60}
	txWith := func(change func(j *frame.Job)) []byte {
		j := tx
		change(&j)
		return j.Append(nil)
	}
	at := func(i int, b byte) []byte {
		changed := slices.Clone(good)
		changed[i] = b
		return changed
	}
	for _, c := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"type", at(0, 'A'), false},
		{"kind 0", at(1, 0), false},
		{"kind 2 with a place", at(1, 2), false},
		{"kind 3", at(1, 3), false},
		{"kind 2 without a place", tx.Append(nil), true},
		{"kind 2 with a network", txWith(func(j *frame.Job) { j.Network = btc.Mainnet }), false},
		{"kind 2 with a height", txWith(func(j *frame.Job) { j.Height = 1 }), false},
		{"kind 2 with a median time", txWith(func(j *frame.Job) { j.MedianTime = 1 }), false},
		{"kind 2, n bytes", txWith(func(j *frame.Job) { j.Len = btc.MaxBlockSize }), true},
		{"kind 2, n+1 bytes", txWith(func(j *frame.Job) { j.Len = btc.MaxBlockSize + 1 }), false},
		{"kind 2, no bytes", txWith(func(j *frame.Job) { j.Len = 0 }), false},
		{"flags", at(3, 1), false},
		{"reserved", at(28, 1), false},
		{"reserved, last byte", at(31, 1), false},
		{"network 0", at(2, 0), false},
		{"network 1", at(2, 1), true},
		{"network 5", at(2, 5), true},
		{"network 6", at(2, 6), false},
		{"no bytes", with(func(j *frame.Job) { j.Len = 0 }), false},
		{"one byte", with(func(j *frame.Job) { j.Len = 1 }), true},
		{"n-1 bytes", with(func(j *frame.Job) { j.Len = btc.MaxBlockSize - 1 }), true},
		{"n bytes", with(func(j *frame.Job) { j.Len = btc.MaxBlockSize }), true},
		{"n+1 bytes", with(func(j *frame.Job) { j.Len = btc.MaxBlockSize + 1 }), false},
		{"height 0", with(func(j *frame.Job) { j.Height = 0 }), true},
		{"height -1", with(func(j *frame.Job) { j.Height = -1 }), false},
	} {
		if _, err := frame.DecodeJob(c.b); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestJobCut(t *testing.T) {
	ring := make([]byte, 2*frame.SlotSize)
	ring[frame.SlotSize] = 1
	for _, c := range []struct {
		slot, length uint32
		ring         []byte
		ok           bool
	}{
		{0, 10, ring, true},
		{1, frame.SlotSize, ring, true},
		{1, frame.SlotSize + 1, ring, false},
		{2, 1, ring, false},
		{1<<32 - 1, 1, ring, false},
		{1, 1, ring[:2*frame.SlotSize-1], false},
		{0, 1, nil, false},
	} {
		got, ok := frame.Job{Kind: frame.KindBlock, Slot: c.slot, Len: c.length}.Cut(c.ring)
		if ok != c.ok {
			t.Errorf("slot %d, %d bytes of %d: %v", c.slot, c.length, len(c.ring), ok)
		}
		if ok && (len(got) != int(c.length) || cap(got) != len(got) || got[0] != byte(c.slot)) {
			t.Errorf("slot %d: %d bytes, room for %d, first %d", c.slot, len(got), cap(got), got[0])
		}
	}
}

func FuzzJob(f *testing.F) {
	f.Add(someJob.Append(nil))
	f.Add(frame.Job{Kind: frame.KindTransaction, Seq: 9, Slot: 1, Len: 60}.Append(nil))
	f.Add(make([]byte, frame.JobSize))
	ring := make([]byte, frame.SlotSize)
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := frame.DecodeJob(b)
		if err != nil {
			if !errors.Is(err, frame.ErrJob) || j != (frame.Job{}) {
				t.Errorf("%v with %+v", err, j)
			}
			return
		}
		if again := j.Append(nil); !bytes.Equal(again, b) {
			t.Errorf("read %x, written %x", b, again)
		}
		if cut, ok := j.Cut(ring); ok && len(cut) != int(j.Len) {
			t.Errorf("%d bytes cut, want %d", len(cut), j.Len)
		}
	})
}
