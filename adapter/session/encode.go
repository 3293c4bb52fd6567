package session

import (
	"encoding/binary"

	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/internal/btc"
)

// witnessBlock is the inventory type that asks for a block with witnesses.
//
// Source: MSG_WITNESS_BLOCK, BIP-0144.
const witnessBlock = 1<<30 | 2

// getHeadersPayload returns the payload of a getheaders message.
func getHeadersPayload(locator []btc.Hash, stop btc.Hash) []byte {
	b := make([]byte, 0, 4+3+(len(locator)+1)*btc.HashSize)
	b = binary.LittleEndian.AppendUint32(b, peer.MaxProtocolVersion)
	b = btc.AppendCompactSize(b, uint64(len(locator)))
	for _, h := range locator {
		b = append(b, h[:]...)
	}
	return append(b, stop[:]...)
}

// getDataPayload returns the payload of a getdata message.
func getDataPayload(hashes []btc.Hash) []byte {
	b := make([]byte, 0, 3+len(hashes)*(4+btc.HashSize))
	b = btc.AppendCompactSize(b, uint64(len(hashes)))
	for _, h := range hashes {
		b = binary.LittleEndian.AppendUint32(b, witnessBlock)
		b = append(b, h[:]...)
	}
	return b
}

// headerOf returns the 80 bytes that btcd decoded.
func headerOf(h *wire.BlockHeader) btc.Header {
	return btc.HeaderFields{
		Version:    h.Version,
		Prev:       btc.Hash(h.PrevBlock),
		MerkleRoot: btc.Hash(h.MerkleRoot),
		Time:       uint32(h.Timestamp.Unix()),
		Bits:       h.Bits,
		Nonce:      h.Nonce,
	}.Header()
}

// blocksOf returns the hashes of the entries that are blocks.
func blocksOf(entries []*wire.InvVect) []btc.Hash {
	var hashes []btc.Hash
	for _, e := range entries {
		if e.Type == wire.InvTypeBlock || e.Type == wire.InvTypeWitnessBlock {
			hashes = append(hashes, btc.Hash(e.Hash))
		}
	}
	return hashes
}
