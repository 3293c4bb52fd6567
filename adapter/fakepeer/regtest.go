package fakepeer

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/rand/v2"

	"blockgate/internal/btc"
)

// ErrNotMinable says that only regtest chains can be mined here.
var ErrNotMinable = errors.New("only a regtest chain can be mined")

// Mining says what mined blocks look like. The zero Mining gives blocks of one
// coinbase, ten minutes apart, without witness.
type Mining struct {
	// Seed makes chains differ. One seed always gives the same blocks.
	Seed uint64
	// Witness gives each coinbase a witness, and the block the commitment to it
	// (BIP-0141).
	Witness bool
	// PadBytes is how many bytes of OP_RETURN output each coinbase carries in
	// addition, up to [MaxPad].
	PadBytes int
	// FirstTime is the timestamp of block 1, in Unix seconds; 0 stands for ten
	// minutes after genesis.
	FirstTime uint32
	// Spacing is how many seconds a block is after the one before; 0 stands for ten
	// minutes.
	Spacing uint32
}

// MaxPad is the most padding that keeps a block below the weight limit.
const MaxPad = 990_000

// NewRegtest returns a regtest chain of the genesis block, ready to be mined.
func NewRegtest(mining Mining) *Chain {
	mining.PadBytes = min(max(mining.PadBytes, 0), MaxPad)
	c := newChain(btc.Regtest, genesisBlock(btc.Regtest))
	c.mining = mining
	c.random = rand.New(rand.NewPCG(mining.Seed, 1))
	return c
}

// Mine adds n blocks, with real proof of work, and wakes the peers that serve
// the chain. It returns [ErrNotMinable] if the chain is not from [NewRegtest].
func (c *Chain) Mine(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mine(n)
}

// Fork takes the best chain back to the block at a height and mines n blocks on
// it. The blocks above stay known by hash. Peers announce the new tip, whether
// it has more work or not.
//
// It returns [ErrNotMinable], or an error if there is no block at that height.
func (c *Chain) Fork(at btc.Height, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.random == nil {
		return ErrNotMinable
	}
	if err := c.cut(at); err != nil {
		return err
	}
	return c.mine(n)
}

// mine adds n blocks. mu is held.
func (c *Chain) mine(n int) error {
	if c.random == nil {
		return ErrNotMinable
	}
	for range n {
		c.push(c.nextBlock())
	}
	c.announce()
	return nil
}

// nextBlock returns a block on the tip.
func (c *Chain) nextBlock() []byte {
	params := c.network.Params()
	prev := c.blocks[c.best[len(c.best)-1]].header()
	time := prev.Time() + cmp.Or(c.mining.Spacing, btc.BlockSpacing)
	if len(c.best) == 1 && c.mining.FirstTime != 0 {
		time = c.mining.FirstTime
	}
	bare, full := c.coinbase(btc.Height(len(c.best)))
	fields := btc.HeaderFields{
		Version:    0x20000000, // BIP-0009: no signal
		Prev:       prev.Hash(),
		MerkleRoot: btc.DoubleSHA256(bare),
		Time:       time,
		Bits:       params.PowLimitBits,
	}
	for { // two tries on average
		header := fields.Header()
		if hash := header.Hash(); params.PowLimit.Meets(&hash) {
			return append(append(header[:], 1), full...)
		}
		fields.Nonce++
	}
}

// Bytes of scripts.
const (
	op1         = 0x51
	opReturn    = 0x6a
	opPushData4 = 0x4e
)

// coinbase returns a coinbase transaction without and with its witness.
func (c *Chain) coinbase(height btc.Height) (bare, full []byte) {
	script := pushHeight(nil, height)
	script = binary.LittleEndian.AppendUint64(append(script, 8), c.random.Uint64()) // extra nonce
	var body []byte
	body = append(body, 1)                      // one input
	body = append(body, make([]byte, 32)...)    // of no transaction
	body = append(body, 0xff, 0xff, 0xff, 0xff) // and no output
	body = btc.AppendCompactSize(body, uint64(len(script)))
	body = append(body, script...)
	body = append(body, 0xff, 0xff, 0xff, 0xff) // sequence
	outputs := [][]byte{output(subsidy(height), []byte{op1})}
	if c.mining.PadBytes > 0 {
		outputs = append(outputs, output(0, c.padding()))
	}
	if c.mining.Witness {
		outputs = append(outputs, output(0, commitment()))
	}
	body = append(body, byte(len(outputs)))
	for _, o := range outputs {
		body = append(body, o...)
	}
	version, lockTime := []byte{2, 0, 0, 0}, []byte{0, 0, 0, 0}
	bare = join(version, body, lockTime)
	if !c.mining.Witness {
		return bare, bare
	}
	witness := append([]byte{1, 32}, make([]byte, 32)...) // one item: the reserved value
	return bare, join(version, []byte{0, 1}, body, witness, lockTime)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// output returns a transaction output.
func output(satoshi uint64, script []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, satoshi)
	b = btc.AppendCompactSize(b, uint64(len(script)))
	return append(b, script...)
}

// padding returns a script that nobody can spend, of random bytes.
func (c *Chain) padding() []byte {
	script := append([]byte{opReturn, opPushData4}, binary.LittleEndian.AppendUint32(nil, uint32(c.mining.PadBytes))...)
	for range c.mining.PadBytes {
		script = append(script, byte(c.random.Uint32()))
	}
	return script
}

// commitment returns the script that commits to the witnesses of a block with a
// coinbase alone: its leaf of the tree is zero, and so is the reserved value.
//
// Source: BIP-0141.
func commitment() []byte {
	root := btc.DoubleSHA256(make([]byte, 2*btc.HashSize))
	return append([]byte{opReturn, 36, 0xaa, 0x21, 0xa9, 0xed}, root[:]...)
}

// pushHeight appends the script that pushes a height (BIP-0034): OP_1 to OP_16,
// above that the number in as few bytes as its sign bit allows.
func pushHeight(script []byte, height btc.Height) []byte {
	if height <= 16 {
		return append(script, op1-1+byte(height))
	}
	var number []byte
	for rest := height; rest > 0; rest >>= 8 {
		number = append(number, byte(rest))
	}
	if number[len(number)-1]&0x80 != 0 {
		number = append(number, 0)
	}
	return append(append(script, byte(len(number))), number...)
}

// subsidy returns what a regtest block creates, in satoshi: it halves each 150
// blocks.
//
// Source: CRegTestParams, Bitcoin Core v30.0 src/kernel/chainparams.cpp.
func subsidy(height btc.Height) uint64 { return 50e8 >> min(height/150, 63) }

// genesisBlock returns the genesis block of a network other than testnet4, whose
// coinbase differs: that of mainnet, under the network's own header.
func genesisBlock(network btc.Network) []byte {
	first, err := readBlock(openMainnet600(), btc.Mainnet.Params().Magic)
	if err != nil {
		panic(err)
	}
	header := network.Params().Genesis
	return append(header[:], first[btc.HeaderSize:]...)
}
