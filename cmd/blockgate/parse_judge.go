package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"blockgate/internal/btc"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
	"blockgate/sandbox/reject"
	"blockgate/sandbox/verdict"
)

// judge has the block judged. An error is ours; what is wrong with the block is
// in the result.
func (s *parseSettings) judge(cmd *cobra.Command, block []byte) (*parseResult, error) {
	result := s.newResult(len(block))
	if len(block) < btc.HeaderSize {
		return result.invalid(fmt.Sprintf("%d bytes are no block: a header has %d", len(block), btc.HeaderSize), verdict.Truncated.Reason()), nil
	}
	header := btc.Header(block[:btc.HeaderSize])
	result.Hash = header.Hash()
	if reason, rejected := s.judgeHeader(result, &header); reason != "" {
		return result.invalid(reason, rejected), nil
	}
	if len(block) > btc.MaxBlockSize {
		return result.invalid(fmt.Sprintf("more than %d bytes", btc.MaxBlockSize), verdict.TooLarge.Reason()), nil
	}
	return result, s.judgeBody(cmd, result, header, block)
}

// newResult returns a result in which nothing is judged yet.
func (s *parseSettings) newResult(size int) *parseResult {
	r := &parseResult{
		Network: s.network.Network, Size: size, ProofOfWork: notMet, Merkle: notJudged, Commitment: notJudged, Engine: s.engine.String(),
		NotJudged: []string{"place in the chain", "scripts", "inputs and amounts", "sigops of P2SH and witness scripts"},
	}
	if s.heightGiven {
		r.Height = &s.height
	} else {
		r.NotJudged = append(r.NotJudged, "height in the coinbase (--height)")
	}
	if !s.knowsLockTimes() {
		r.NotJudged = append(r.NotJudged, "lock times (--height, --median-time)")
	}
	return r
}

// knowsLockTimes reports whether lock times can be judged: they are compared with the
// height, and with the median time from BIP-0113 on, before with the block's own.
func (s *parseSettings) knowsLockTimes() bool {
	return s.heightGiven && (s.medianGiven || btc.Height(s.height) < s.network.Params().CSVHeight)
}

// judgeHeader reports proof of work and judges what it was asked to. It returns what
// is wrong, and Bitcoin Core's word for that.
func (s *parseSettings) judgeHeader(result *parseResult, header *btc.Header) (reason, rejected string) {
	hash := result.Hash
	target, err := btc.TargetFromCompact(header.Bits())
	inRange := err == nil && target.Cmp(s.network.Params().PowLimit.Uint256) <= 0
	reached := inRange && target.Meets(&hash)
	if reached {
		result.ProofOfWork = met
	}
	if !s.pow {
		result.NotJudged = append(result.NotJudged, "proof of work (--pow)")
	} else if !reached {
		return fmt.Sprintf("hash %s does not meet the target of bits %08x on %s", hash, header.Bits(), s.network.Network), "high-hash"
	}
	if !s.medianGiven {
		result.NotJudged = append(result.NotJudged, "time of the header (--median-time)")
	} else if header.Time() <= s.medianTime {
		return fmt.Sprintf("time %d is not after the median time %d (BIP-0113)", header.Time(), s.medianTime), "time-too-old"
	}
	return "", ""
}

// judgeBody has the body judged by the rules of its height. Where that is not known,
// they are those that a block of any height may be held to.
func (s *parseSettings) judgeBody(cmd *cobra.Command, result *parseResult, header btc.Header, block []byte) error {
	job := s.job(header)
	proven, counts, err := s.ask(cmd, result, block, job)
	early := false // the witness rules are left out
	if segwit := s.network.Params().SegwitHeight; !s.heightGiven && isWitnessRule(err) && segwit > 0 {
		// A block from before the witness rules may carry a commitment that means
		// nothing. It then has no witness at all, or this fails too. The height is a
		// pretence, so no lock by height is judged by it.
		job.Context.Height, job.Ignored = segwit-1, append(job.Ignored, verdict.NonFinal)
		if other, otherCounts, otherErr := s.ask(cmd, result, block, job); otherErr == nil || errors.Is(otherErr, claim.ErrRule) {
			early = true
			result.NotJudged = append(result.NotJudged, "witness rules (--height)")
			proven, counts, err = other, otherCounts, otherErr
		}
	}
	if isOurs(err) {
		return err
	}
	result.tell(err)
	if rule, broken := errors.AsType[*claim.RuleError](err); broken {
		// The block is what its header commits to, so what it is can be told.
		job.Ignored = append(job.Ignored, rule.Code)
		if proven, counts, err = s.ask(cmd, result, block, job); isOurs(err) {
			return err
		}
	}
	if err == nil {
		result.prove(proven, counts)
	}
	if early {
		result.Commitment = notJudged // an output that looks like one is there
	}
	return nil
}

// job returns what to ask about the block of header. An unknown height is taken for
// the last, at which all rules hold and no lock lies ahead.
func (s *parseSettings) job(header btc.Header) pool.Job {
	job := pool.Job{Header: header, MedianTime: s.medianTime, Context: claim.Context{Network: s.network.Network, Height: btc.Height(s.height)}}
	if !s.heightGiven {
		job.Context.Height, job.Ignored = math.MaxInt32, []verdict.Code{verdict.CoinbaseHeight}
	}
	if !s.knowsLockTimes() {
		job.MedianTime = math.MaxUint32
	}
	return job
}

// ask has a fresh parser walk the block, and the claim proven. Result gets the time that
// it took.
func (s *parseSettings) ask(cmd *cobra.Command, result *parseResult, block []byte, job pool.Job) (claim.Checked, claim.Counts, error) {
	cell, err := s.openCell(cmd)
	if err != nil {
		return claim.Checked{}, claim.Counts{}, err
	}
	defer cell.Close()
	begun := time.Now()
	defer func() { result.Microseconds = time.Since(begun).Microseconds() }()
	return cell.check(cmd.Context(), block, job)
}

func isWitnessRule(err error) bool {
	return errors.Is(err, claim.ErrWitnessCommitment) || errors.Is(err, claim.ErrCoinbaseWitness)
}

// isOurs reports whether an error says nothing about the block: a parser that
// dies, hangs or talks nonsense is our own fault, whatever it was given.
func isOurs(err error) bool {
	if _, known := errors.AsType[*exitError](err); known {
		return true
	}
	return slices.ContainsFunc([]error{
		pool.ErrClosed, pool.ErrWorkerDied, pool.ErrWorkerHung, pool.ErrWorkerNonsense, claim.ErrContradiction,
		context.Canceled, context.DeadlineExceeded,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

// tell takes in what came of the proof.
func (r *parseResult) tell(err error) {
	switch {
	case err == nil:
		r.Verdict, r.Merkle, r.Commitment = verdictValid, met, met
		return
	case errors.Is(err, claim.ErrRule):
		r.Merkle, r.Commitment = met, met
	case errors.Is(err, claim.ErrMerkle), errors.Is(err, claim.ErrMutated):
		r.Merkle = notMet
	case isWitnessRule(err):
		r.Merkle, r.Commitment = met, notMet
	}
	r.invalid(err.Error(), reject.Reason(err))
}

// prove takes in a block that is proven, and what the parser counted in it.
func (r *parseResult) prove(c claim.Checked, counts claim.Counts) {
	r.Txs, r.StrippedSize, r.Weight = c.TxCount(), c.StrippedSize(), c.Weight()
	r.Inputs, r.Outputs, r.WitnessItems = counts.Inputs, counts.Outputs, counts.WitnessItems
	r.Sigops = counts.Sigops / btc.WitnessScaleFactor
	if !c.HasCommitment() {
		r.Commitment = "none"
	}
}

// invalid notes what is wrong, and Bitcoin Core's word for it.
func (r *parseResult) invalid(reason, rejected string) *parseResult {
	r.Verdict, r.Reason, r.RejectReason = verdictInvalid, reason, rejected
	return r
}
