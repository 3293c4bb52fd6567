package fakepeer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // for the blocks below
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"blockgate/internal/btc"
)

// The first 600 blocks of mainnet, heights 0 to 599, as in Bitcoin Core's
// blkNNNNN.dat, compressed.
//
//go:embed mainnet600.blkdat.gz
var mainnet600 []byte

// First600 returns the first 600 blocks of mainnet. It panics if the copy in
// this program is broken.
func First600() *Chain {
	c, err := LoadBlocks(btc.Mainnet, openMainnet600())
	if err != nil {
		panic(err)
	}
	return c
}

func openMainnet600() io.Reader {
	plain, err := gzip.NewReader(bytes.NewReader(mainnet600))
	if err != nil {
		panic(err)
	}
	return plain
}

// LoadBlocks reads blocks as Bitcoin Core stores them: magic, length as a
// little-endian 32-bit number, block, again and again to the end. The first must
// be the network's genesis block, and each the parent of the next; nothing else
// is checked.
func LoadBlocks(network btc.Network, r io.Reader) (*Chain, error) {
	in := bufio.NewReader(r)
	params := network.Params()
	var c *Chain
	for n := range MaxFileBlocks + 1 {
		raw, err := readBlock(in, params.Magic)
		switch {
		case errors.Is(err, io.EOF) && c != nil:
			return c, nil
		case err != nil:
			return nil, fmt.Errorf("read block %d: %w", n, err)
		case c == nil:
			if btc.Header(raw) != params.Genesis {
				return nil, fmt.Errorf("first block is not the genesis block of %s", network)
			}
			c = newChain(network, raw)
			continue
		}
		header := btc.Header(raw)
		if _, tip := c.Tip(); header.Prev() != tip {
			return nil, fmt.Errorf("block %d: its parent is %s, want %s", n, header.Prev(), tip)
		}
		c.push(raw)
	}
	return nil, fmt.Errorf("more than %d blocks", MaxFileBlocks)
}

// readBlock reads one block. The error is io.EOF only if nothing is left.
func readBlock(in io.Reader, magic uint32) ([]byte, error) {
	var frame [8]byte
	if _, err := io.ReadFull(in, frame[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(frame[4:])
	switch got := binary.LittleEndian.Uint32(frame[:]); {
	case got != magic:
		return nil, fmt.Errorf("magic %08x, want %08x", got, magic)
	case size <= btc.HeaderSize || size > btc.MaxBlockSize:
		return nil, fmt.Errorf("size %d is not that of a block", size)
	}
	raw, err := io.ReadAll(io.LimitReader(in, int64(size)))
	if err == nil && len(raw) < int(size) {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}
