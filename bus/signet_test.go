package bus_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"blockgate/bus"
	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/signet"
)

// signetBlock returns the block of a small height of the public signet, which has one
// transaction, its event and its claim.
func signetBlock(t *testing.T, height int) (e bus.Event, body, entries []byte) {
	t.Helper()
	file, err := os.Open("../testdata/signet/000000-000120.blkdat.gz")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(plain)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	for range height {
		all = all[8+binary.LittleEndian.Uint32(all[4:]):]
	}
	body = all[8 : 8+binary.LittleEndian.Uint32(all[4:])]
	header := btc.Header(body[:btc.HeaderSize])
	e = bus.Event{
		Kind: bus.Connect, Height: btc.Height(height), Hash: header.Hash(), Header: header,
		Size: len(body), TxCount: 1, Sha256: sha256.Sum256(body),
	}
	const witness = 34
	return e, body, claim.AppendTxs(nil, []claim.Tx{{Len: uint32(len(body) - btc.HeaderSize - 1), Witness: witness}})
}

// A reader asks for the signatures of a signet itself: those of the public one if nobody
// names another.
func TestVerifierAsksForSignatures(t *testing.T) {
	key, err := signet.Parse(append(append([]byte{33, 2}, append(make([]byte, 31), 1)...), 0xac))
	if err != nil {
		t.Fatal(err)
	}
	e, body, entries := signetBlock(t, 9)
	if txs, err := bus.NewVerifier(btc.Signet, nil, nil).Body(&e, body, entries); err != nil || len(txs) != 1 {
		t.Errorf("the public signet's: %v", err)
	}
	if _, err := bus.NewVerifier(btc.Signet, nil, signet.Public()).Body(&e, body, entries); err != nil {
		t.Errorf("the public signet's, named: %v", err)
	}
	if _, err := bus.NewVerifier(btc.Signet, nil, key).Body(&e, body, entries); !errors.Is(err, claim.ErrSolution) {
		t.Errorf("another signet's: %v", err)
	}
	forged := slices.Clone(body)
	forged[68] ^= 1 // the time is signed
	e.Header, e.Sha256 = btc.Header(forged[:btc.HeaderSize]), sha256.Sum256(forged)
	if _, err := bus.NewVerifier(btc.Signet, nil, nil).Body(&e, forged, entries); !errors.Is(err, claim.ErrSolution) {
		t.Errorf("with another time: %v", err)
	}
}
