package frame_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/frame"
	"blockgate/sandbox/verdict"
)

// entries are n different entries.
func entries(n int) []claim.Tx {
	txs := make([]claim.Tx, n)
	for i := range txs {
		txs[i] = claim.Tx{Len: uint32(60 + i), Witness: uint32(i)}
	}
	return txs
}

// messages are what an honest worker sends about job.
func messages(seq uint64, said claim.Block) [][]byte {
	all := [][]byte{frame.Answer{Seq: seq, Verdict: said.Verdict, Count: len(said.Txs), Counts: said.Counts}.Append(nil)}
	for next := 0; next < len(said.Txs); {
		var chunk []byte
		chunk, next = frame.AppendChunk(nil, seq, said.Txs, next)
		all = append(all, chunk)
	}
	return all
}

var bigJob = frame.Job{Kind: frame.KindBlock, Seq: 77, Len: btc.MaxBlockSize, Network: btc.Mainnet}

// assemble feeds all messages and returns what came out, and at which message it
// ended.
func assemble(job frame.Job, messages [][]byte) (said claim.Block, done bool, at int, err error) {
	assembly := frame.Begin(job, nil)
	for i, message := range messages {
		if done, err = assembly.Accept(message); done || err != nil {
			return assembly.Block(), done, i, err
		}
	}
	return assembly.Block(), false, len(messages), nil
}

func TestAnswerRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 4095, 4096, 4097, 8192, 8193, btc.MaxBlockTransactions - 1, btc.MaxBlockTransactions} {
		want := claim.Block{Txs: entries(n), Verdict: verdict.OK}
		if n == 0 {
			want = claim.Block{Verdict: verdict.Trailing}
		}
		sent := messages(bigJob.Seq, want)
		if chunks := (n + 4095) / 4096; len(sent) != 1+chunks {
			t.Errorf("%d entries: %d messages", n, len(sent))
		}
		for _, message := range sent {
			if len(message) > frame.MaxMessage {
				t.Errorf("%d entries: a message of %d bytes", n, len(message))
			}
		}
		got, done, at, err := assemble(bigJob, sent)
		if err != nil || !done || at != len(sent)-1 || got.Verdict != want.Verdict || !slices.Equal(got.Txs, want.Txs) {
			t.Errorf("%d entries: %v, done %v at message %d, verdict %q", n, err, done, at, got.Verdict)
		}
	}
}

// Whatever is claimed, no more of anything is taken than the bytes can hold.
func TestCountsAreBounded(t *testing.T) {
	const size = 8200 // 200 inputs, 911 outputs, 8200 items, 656000 of sigops
	for _, c := range []struct {
		name   string
		counts claim.Counts
		ok     bool
	}{
		{"none", claim.Counts{}, true},
		{"inputs n-1", claim.Counts{Inputs: 199}, true},
		{"inputs n", claim.Counts{Inputs: 200}, true},
		{"inputs n+1", claim.Counts{Inputs: 201}, false},
		{"outputs n-1", claim.Counts{Outputs: 910}, true},
		{"outputs n", claim.Counts{Outputs: 911}, true},
		{"outputs n+1", claim.Counts{Outputs: 912}, false},
		{"items n-1", claim.Counts{WitnessItems: size - 1}, true},
		{"items n", claim.Counts{WitnessItems: size}, true},
		{"items n+1", claim.Counts{WitnessItems: size + 1}, false},
		{"sigops n-1", claim.Counts{Sigops: 80*size - 1}, true},
		{"sigops n", claim.Counts{Sigops: 80 * size}, true},
		{"sigops n+1", claim.Counts{Sigops: 80*size + 1}, false},
		{"all ones", claim.Counts{Inputs: 1<<32 - 1, Outputs: 1<<32 - 1, WitnessItems: 1<<32 - 1, Sigops: 1<<32 - 1}, false},
	} {
		for _, v := range []verdict.Code{verdict.OK, verdict.Sigops} {
			job := frame.Job{Kind: frame.KindBlock, Seq: 5, Len: size, Network: btc.Mainnet}
			want := claim.Block{Txs: entries(3), Verdict: v, Counts: c.counts}
			said, done, _, err := assemble(job, messages(job.Seq, want))
			if c.ok && (err != nil || !done || said.Counts != c.counts || said.Verdict != v) || !c.ok && (!errors.Is(err, frame.ErrAnswer) || said.Counts != claim.Counts{}) {
				t.Errorf("%s with %q: %v, %+v", c.name, v, err, said.Counts)
			}
		}
		_, _, _, err := assemble(bigJob, messages(bigJob.Seq, claim.Block{Verdict: verdict.Trailing, Counts: c.counts}))
		if none := c.counts == (claim.Counts{}); none != (err == nil) {
			t.Errorf("%s of what is malformed: %v", c.name, err)
		}
	}
}

// A transaction has one entry.
func TestTransactionHasOneEntry(t *testing.T) {
	job := frame.Job{Kind: frame.KindTransaction, Seq: 5, Len: 8200}
	for n := range 3 {
		said, done, _, err := assemble(job, messages(job.Seq, claim.Block{Txs: entries(n), Verdict: verdict.OK}))
		if ok := n == 1; ok != (err == nil && done && len(said.Txs) == 1) {
			t.Errorf("%d entries: %v", n, err)
		}
	}
}

// The entries come in the room that is given, if that has room for them.
func TestBeginTakesRoom(t *testing.T) {
	room := make([]claim.Tx, 2, 5)
	for _, n := range []int{1, 4, 5, 6} {
		assembly := frame.Begin(bigJob, room)
		for _, message := range messages(bigJob.Seq, claim.Block{Txs: entries(n), Verdict: verdict.OK}) {
			if _, err := assembly.Accept(message); err != nil {
				t.Fatal(err)
			}
		}
		got := assembly.Block().Txs
		if !slices.Equal(got, entries(n)) || (&got[0] == &room[0]) != (n <= cap(room)) {
			t.Errorf("%d entries: got %v", n, got)
		}
	}
}

func TestAnswerForm(t *testing.T) {
	b := frame.Answer{
		Seq: 0x0102030405060708, Verdict: verdict.OK, Count: 0x0203,
		Counts: claim.Counts{Inputs: 1, Outputs: 0x0200, WitnessItems: 0x030000, Sigops: 0x04000000},
	}.Append(nil)
	want := []byte{'A', 1, 0, 0, 3, 2, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4}
	if !bytes.Equal(b, want) {
		t.Errorf("got %x", b)
	}
	b, next := frame.AppendChunk(nil, 0x0102030405060708, []claim.Tx{{}, {Len: 9, Witness: 8}}, 1)
	if want := []byte{'C', 0, 0, 0, 1, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 8, 0, 0, 0}; !bytes.Equal(b, want) || next != 2 {
		t.Errorf("got %x, next %d", b, next)
	}
}

// A claim is never assembled of less than all its messages, nor of cut ones.
func TestAnswerTruncation(t *testing.T) {
	sent := messages(bigJob.Seq, claim.Block{Txs: entries(5), Verdict: verdict.OK})
	for i, message := range sent {
		for n := range message {
			cut := slices.Clone(sent)
			cut[i] = message[:n]
			said, done, at, err := assemble(bigJob, cut)
			if err == nil || done || at != i || said.Verdict != 0 || said.Txs != nil {
				t.Errorf("message %d cut at %d: %v at %d, done %v", i, n, err, at, done)
			}
		}
	}
	if said, done, _, err := assemble(bigJob, sent[:1]); err != nil || done || said.Verdict != 0 {
		t.Errorf("without its chunk: %v, done %v, verdict %d", err, done, said.Verdict)
	}
}

func TestNonsense(t *testing.T) {
	honest := func(n int) [][]byte {
		return messages(bigJob.Seq, claim.Block{Txs: entries(n), Verdict: verdict.OK})
	}
	answer := func(v verdict.Code, count int) [][]byte {
		return [][]byte{frame.Answer{Seq: bigJob.Seq, Verdict: v, Count: count}.Append(nil)}
	}
	change := func(sent [][]byte, message, at int, b byte) [][]byte {
		sent[message][at] = b
		return sent
	}
	chunkOf := func(first, n int) []byte {
		chunk, _ := frame.AppendChunk(nil, bigJob.Seq, entries(first + n)[:first+n], first)
		return chunk
	}
	small := frame.Job{Kind: frame.KindBlock, Seq: bigJob.Seq, Len: 600, Network: btc.Mainnet}
	for _, c := range []struct {
		name string
		job  frame.Job
		sent [][]byte
		at   int // the message at which it is told
		want error
	}{
		{"an empty message", bigJob, [][]byte{{}}, 0, frame.ErrAnswer},
		{"a byte", bigJob, [][]byte{{'A'}}, 0, frame.ErrAnswer},
		{"the longest message there is", bigJob, [][]byte{make([]byte, frame.MaxMessage+1)}, 0, frame.ErrAnswer},
		{"the job itself", bigJob, [][]byte{bigJob.Append(nil)}, 0, frame.ErrAnswer},
		{"another type", bigJob, change(honest(1), 0, 0, 'C'), 0, frame.ErrAnswer},
		{"a reserved byte", bigJob, change(honest(1), 0, 3, 1), 0, frame.ErrAnswer},
		{"another number", bigJob, change(honest(1), 0, 8, 78), 0, frame.ErrAnswer},
		{"another number, last byte", bigJob, change(honest(1), 0, 15, 1), 0, frame.ErrAnswer},
		{"verdict 0", bigJob, answer(0, 0), 0, frame.ErrAnswer},
		{"verdict beyond the table", bigJob, answer(verdict.SuperfluousWitness+1, 0), 0, frame.ErrAnswer},
		{"well formed without entries", bigJob, answer(verdict.OK, 0), 0, frame.ErrAnswer},
		{"malformed with entries", bigJob, answer(verdict.Trailing, 1), 0, frame.ErrAnswer},
		{"n+1 entries", bigJob, answer(verdict.OK, btc.MaxBlockTransactions+1), 0, frame.ErrAnswer},
		{"2^32-1 entries", bigJob, answer(verdict.OK, 1<<32-1), 0, frame.ErrAnswer},
		{"more entries than the block has room for", small, answer(verdict.OK, 11), 0, frame.ErrAnswer},
		{"a chunk first", bigJob, honest(1)[1:], 0, frame.ErrAnswer},
		{"answer twice", bigJob, slices.Concat(honest(1)[:1], honest(1)), 1, frame.ErrChunk},
		{"an empty chunk", bigJob, append(honest(1)[:1], chunkOf(0, 0)), 1, frame.ErrChunk},
		{"an entry too many", bigJob, append(honest(1)[:1], chunkOf(0, 2)), 1, frame.ErrChunk},
		{"a short chunk that is not the last", bigJob, append(honest(4097)[:1], chunkOf(0, 4095)), 1, frame.ErrChunk},
		{"half an entry", bigJob, append(honest(2)[:1], chunkOf(0, 2)[:28]), 1, frame.ErrChunk},
		{"another chunk first", bigJob, append(honest(4097)[:1], honest(4097)[2]), 1, frame.ErrChunk},
		{"a chunk twice", bigJob, append(honest(8192)[:2], honest(8192)[1]), 2, frame.ErrChunk},
		{"another place", bigJob, change(honest(1), 1, 4, 1), 1, frame.ErrChunk},
		{"chunk with another number", bigJob, change(honest(1), 1, 8, 78), 1, frame.ErrChunk},
		{"a reserved byte in a chunk", bigJob, change(honest(1), 1, 2, 1), 1, frame.ErrChunk},
		{"another type than a chunk", bigJob, change(honest(1), 1, 0, 'A'), 1, frame.ErrChunk},
	} {
		said, done, at, err := assemble(c.job, c.sent)
		if !errors.Is(err, c.want) || done || at != c.at || said.Txs != nil || said.Verdict != 0 {
			t.Errorf("%s: got %v at message %d, want %v at %d", c.name, err, at, c.want, c.at)
		}
	}
}

// After the last message, and after an error, nothing is accepted any more; what
// was complete stays.
func TestNothingAfterTheEnd(t *testing.T) {
	sent := messages(bigJob.Seq, claim.Block{Txs: entries(2), Verdict: verdict.OK})
	assembly := frame.Begin(bigJob, nil)
	for _, message := range sent {
		if _, err := assembly.Accept(message); err != nil {
			t.Fatal(err)
		}
	}
	if said := assembly.Block(); said.Verdict != verdict.OK || len(said.Txs) != 2 {
		t.Errorf("got %+v", said)
	}
	for _, message := range sent {
		if done, err := assembly.Accept(message); done || !errors.Is(err, frame.ErrAnswer) {
			t.Errorf("after the end: done %v, %v", done, err)
		}
	}
	if said := assembly.Block(); said.Txs != nil || said.Verdict != 0 {
		t.Errorf("after an error: %+v", said)
	}
	var zero frame.Assembly
	if done, err := zero.Accept(sent[0]); done || err == nil {
		t.Errorf("the zero assembly: done %v, %v", done, err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(frame.Answer{Seq: 1, Verdict: verdict.OK, Count: 3}.Append(nil))
	f.Add(frame.Answer{Seq: 1, Verdict: verdict.Trailing}.Append(nil))
	f.Add(frame.Answer{Seq: 1, Verdict: verdict.Sigops, Count: 3, Counts: claim.Counts{Inputs: 3, Outputs: 4, WitnessItems: 5, Sigops: 80_004}}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := frame.DecodeAnswer(b)
		if err != nil {
			if !errors.Is(err, frame.ErrAnswer) {
				t.Error(err)
			}
			return
		}
		if again := a.Append(nil); !bytes.Equal(again, b) || !a.Verdict.Valid() || a.Counts != (claim.Counts{}) && !a.Verdict.Claimed() {
			t.Errorf("read %x, written %x", b, again)
		}
	})
}

// FuzzAssembly sends messages cut out of one string: the oracle is the sender. What
// is complete is exactly what an honest worker would have sent.
func FuzzAssembly(f *testing.F) {
	f.Add(uint32(600), slices.Concat(messages(bigJob.Seq, claim.Block{Txs: entries(2), Verdict: verdict.OK})...), []byte{32, 32})
	f.Add(uint32(600), messages(bigJob.Seq, claim.Block{Verdict: verdict.Count})[0], []byte{32})
	f.Add(uint32(600), slices.Concat(messages(bigJob.Seq, claim.Block{Txs: entries(2), Verdict: verdict.OK, Counts: claim.Counts{Inputs: 2, Outputs: 3}})...), []byte{32, 32})
	f.Add(uint32(601), slices.Concat(messages(bigJob.Seq, claim.Block{Txs: entries(1), Verdict: verdict.OK})...), []byte{32, 24})
	f.Fuzz(func(t *testing.T, length uint32, stream, cuts []byte) {
		job := frame.Job{Kind: frame.KindBlock, Seq: bigJob.Seq, Len: length % (btc.MaxBlockSize + 1), Network: btc.Mainnet}
		if length%2 == 1 {
			job.Kind, job.Network = frame.KindTransaction, 0
		}
		var sent [][]byte
		for _, n := range cuts {
			n := min(int(n), len(stream))
			sent = append(sent, stream[:n])
			stream = stream[n:]
		}
		said, done, at, err := assemble(job, sent)
		if !done {
			if said.Txs != nil || said.Verdict != 0 {
				t.Fatalf("%v, but %+v", err, said)
			}
			return
		}
		if want := messages(job.Seq, said); !slices.EqualFunc(want, sent[:at+1], bytes.Equal) {
			t.Fatalf("got %x, an honest worker sends %x", sent[:at+1], want)
		}
		if len(said.Txs)*btc.MinTransactionSize > int(job.Len) {
			t.Fatalf("%d entries for %d bytes", len(said.Txs), job.Len)
		}
		c := said.Counts
		if c.Inputs > job.Len/41 || c.Outputs > job.Len/9 || c.WitnessItems > job.Len || uint64(c.Sigops) > 80*uint64(job.Len) {
			t.Fatalf("%+v for %d bytes", c, job.Len)
		}
		if job.Kind == frame.KindTransaction && len(said.Txs) > 1 {
			t.Fatalf("%d entries for a transaction", len(said.Txs))
		}
	})
}
