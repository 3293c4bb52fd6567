package fuzz

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"blockgate/internal/btc"
)

// Corpus reads the repository's testdata. Many goroutines may use it.
type Corpus struct {
	root *os.Root
	more *os.Root // nil if there is none
}

// Open opens the corpus in folder. The folder more holds further blocks, unpacked
// and named as in the rows; it is empty if there are none.
func Open(folder, more string) (*Corpus, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	c := &Corpus{root: root}
	if more != "" {
		if c.more, err = os.OpenRoot(more); err != nil {
			return nil, errors.Join(err, root.Close())
		}
	}
	return c, nil
}

// Close closes the folders.
func (c *Corpus) Close() error {
	if c.more == nil {
		return c.root.Close()
	}
	return errors.Join(c.root.Close(), c.more.Close())
}

// Row is what another program found in a real block. Sizes are in bytes.
type Row struct {
	File         string      `json:"file"`
	Network      btc.Network `json:"net"`
	Height       btc.Height  `json:"height"`
	Hash         btc.Hash    `json:"hash"`
	Size         int         `json:"size"`
	StrippedSize int         `json:"stripped_size"`
	Weight       int         `json:"weight"`
	TxCount      int         `json:"ntx"`
	SegwitCount  int         `json:"segwit_txs"`
	Inputs       int         `json:"inputs"`
	Outputs      int         `json:"outputs"`
	WitnessItems int         `json:"witness_items"`
	MaxTxSize    int         `json:"max_tx_size"`
	// LegacySigops are counted once each; a block's cost is four times that.
	LegacySigops int      `json:"legacy_sigops"`
	MerkleRoot   btc.Hash `json:"merkle_root"`
	// Commitment says whether the block's witness commitment holds; nil if it
	// has none.
	Commitment *bool `json:"witness_commitment_ok"`
	// TxidsSHA256 and WtxidsSHA256 are of all ids in wire order, in hex.
	TxidsSHA256  string `json:"txids_sha256"`
	WtxidsSHA256 string `json:"wtxids_sha256"`
	Version      int32  `json:"version"`
	Time         uint32 `json:"time"`
	Bits         string `json:"nbits"`
}

// Rows returns the rows of all real blocks, those that are not in the repository
// among them.
func (c *Corpus) Rows() ([]Row, error) {
	var all []Row
	for _, name := range []string{"blocks/expected.jsonl", "blocks/expected-more.jsonl"} {
		file, err := c.root.Open(name)
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bufio.NewReader(file))
		for decoder.More() {
			var row Row
			if err := decoder.Decode(&row); err != nil {
				return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
			}
			all = append(all, row)
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Block returns the bytes of the block in file, such as "mainnet_413567.raw". A
// block that is in neither folder costs an error that is [os.ErrNotExist].
func (c *Corpus) Block(file string) ([]byte, error) {
	body, err := c.Unzip("blocks/" + file + ".gz")
	if c.more == nil || !errors.Is(err, os.ErrNotExist) {
		return body, err
	}
	return c.more.ReadFile(file)
}

// Unzip returns the content of a gzip file.
func (c *Corpus) Unzip(name string) ([]byte, error) {
	file, err := c.root.Open(name)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), file.Close())
	}
	content, err := io.ReadAll(z)
	return content, errors.Join(err, file.Close())
}

// Untar returns the files of a gzipped tar by their base names.
func (c *Corpus) Untar(name string) (map[string][]byte, error) {
	file, err := c.root.Open(name)
	if err != nil {
		return nil, err
	}
	all, err := untar(bufio.NewReader(file))
	return all, errors.Join(err, file.Close())
}

func untar(r io.Reader) (map[string][]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	all, entries := map[string][]byte{}, tar.NewReader(z)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if entry.Typeflag != tar.TypeReg {
			continue
		}
		if all[path.Base(entry.Name)], err = io.ReadAll(entries); err != nil {
			return nil, err
		}
	}
}

// Open opens a file that is not packed.
func (c *Corpus) Open(name string) (io.ReadCloser, error) { return c.root.Open(name) }

// frameSize is the length in bytes of what stands before a block in a file of many:
// magic and length.
const frameSize = 8

// errFrame says that a file of many blocks does not hold what it should.
var errFrame = errors.New("not a run of framed blocks")

// Run returns the blocks of a file of many, in the order of the file:
//
//	magic, 4 bytes | length, 4 bytes, little-endian | block | magic | ...
func (c *Corpus) Run(name string, network btc.Network) ([][]byte, error) {
	rest, err := c.Unzip("blocks/" + name + ".gz")
	if err != nil {
		return nil, err
	}
	var bodies [][]byte
	for len(rest) > 0 { // consumes a frame a turn, or ends
		if len(rest) < frameSize || binary.LittleEndian.Uint32(rest) != network.Params().Magic {
			return nil, fmt.Errorf("%s, block %d: %w", name, len(bodies), errFrame)
		}
		length := binary.LittleEndian.Uint32(rest[4:])
		rest = rest[frameSize:]
		if uint64(length) > uint64(len(rest)) {
			return nil, fmt.Errorf("%s, block %d: %w", name, len(bodies), errFrame)
		}
		bodies = append(bodies, rest[:length:length])
		rest = rest[length:]
	}
	return bodies, nil
}
