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
	all := [][]byte{frame.Answer{Seq: seq, Verdict: said.Verdict, Count: len(said.Txs)}.Append(nil)}
	for next := 0; next < len(said.Txs); {
		var chunk []byte
		chunk, next = frame.AppendChunk(nil, seq, said.Txs, next)
		all = append(all, chunk)
	}
	return all
}

var bigJob = frame.Job{Seq: 77, Len: btc.MaxBlockSize, Network: btc.Mainnet}

// assemble feeds all messages and returns what came out, and at which message it
// ended.
func assemble(job frame.Job, messages [][]byte) (said claim.Block, done bool, at int, err error) {
	assembly := frame.Begin(job)
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

func TestAnswerForm(t *testing.T) {
	b := frame.Answer{Seq: 0x0102030405060708, Verdict: verdict.OK, Count: 0x0203}.Append(nil)
	if want := []byte{'A', 1, 0, 0, 3, 2, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1}; !bytes.Equal(b, want) {
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
	small := frame.Job{Seq: bigJob.Seq, Len: 600, Network: btc.Mainnet}
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
	assembly := frame.Begin(bigJob)
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
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := frame.DecodeAnswer(b)
		if err != nil {
			if !errors.Is(err, frame.ErrAnswer) {
				t.Error(err)
			}
			return
		}
		if again := a.Append(nil); !bytes.Equal(again, b) || !a.Verdict.Valid() {
			t.Errorf("read %x, written %x", b, again)
		}
	})
}

// FuzzAssembly sends messages cut out of one string: the oracle is the sender. What
// is complete is exactly what an honest worker would have sent.
func FuzzAssembly(f *testing.F) {
	f.Add(uint32(600), slices.Concat(messages(bigJob.Seq, claim.Block{Txs: entries(2), Verdict: verdict.OK})...), []byte{16, 32})
	f.Add(uint32(600), messages(bigJob.Seq, claim.Block{Verdict: verdict.Count})[0], []byte{16})
	f.Fuzz(func(t *testing.T, length uint32, stream, cuts []byte) {
		job := frame.Job{Seq: bigJob.Seq, Len: length % (btc.MaxBlockSize + 1), Network: btc.Mainnet}
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
	})
}
