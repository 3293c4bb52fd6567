package main

import (
	"bytes"
	"fmt"
	"strings"
)

// printer collects the text of an assembly file.
type printer struct{ text bytes.Buffer }

func (p *printer) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// function begins a function that Go declares, with a frame on the stack and so
// many bytes of arguments. Flags is 0, or NOSPLIT for small frames.
func (p *printer) function(name, flags string, frame, args int) {
	p.line("\n// func %s", name)
	name, _, _ = strings.Cut(name, "(")
	p.line("TEXT ·%s(SB), %s, $%d-%d", name, flags, frame, args)
}

// subroutine begins code that kernels share by CALL. It uses the frame of its caller.
func (p *printer) subroutine(name, comment string) {
	p.line("\n// %s", comment)
	p.line("TEXT %s<>(SB), NOSPLIT|NOFRAME, $0-0", name)
}

func (p *printer) label(name string) { p.line("%s:", name) }

func (p *printer) op(mnemonic string, operands ...any) {
	p.line("%s", instruction(mnemonic, operands...))
}

// interleave prints sequences that do not depend on each other, one instruction of
// each in turns, so that one computes while the other waits.
func (p *printer) interleave(sequences ...sequence) {
	for i := range sequences[0] {
		for _, s := range sequences {
			p.line("%s", s[i])
		}
	}
}

// table prints constants of 32 bits and gives them a name.
func (p *printer) table(name string, words ...uint32) {
	p.line("")
	for i, w := range words {
		p.line("DATA %s<>+%d(SB)/4, $0x%08x", name, 4*i, w)
	}
	p.line("GLOBL %s<>(SB), RODATA|NOPTR, $%d", name, 4*len(words))
}

// sequence is instructions that are printed later.
type sequence []string

func (s *sequence) op(mnemonic string, operands ...any) {
	*s = append(*s, instruction(mnemonic, operands...))
}

func instruction(mnemonic string, operands ...any) string {
	var b strings.Builder
	b.WriteString("\t" + mnemonic)
	for i, operand := range operands {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %v", operand)
	}
	return b.String()
}

// Operands. A string is printed as it is.
type (
	zmm int // a vector of 16 lanes
	xmm int // a vector of 4 words
	mem struct {
		offset int
		base   string
	}
	imm int
)

func (z zmm) String() string { return fmt.Sprintf("Z%d", int(z)) }
func (x xmm) String() string { return fmt.Sprintf("X%d", int(x)) }
func (i imm) String() string { return fmt.Sprintf("$%d", int(i)) }

func (m mem) String() string {
	if m.offset == 0 {
		return "(" + m.base + ")"
	}
	return fmt.Sprintf("%d(%s)", m.offset, m.base)
}

// plus returns the place that many bytes behind m.
func (m mem) plus(bytes int) mem { return mem{m.offset + bytes, m.base} }

// named returns the place of word i of a table.
func named(name string, i int) string { return fmt.Sprintf("%s<>+%d(SB)", name, 4*i) }
