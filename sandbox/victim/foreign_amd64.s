//go:build linux && victim

#include "textflag.h"

// func callGate(number uint32) uint32
TEXT ·callGate(SB), NOSPLIT, $0-12
	MOVL number+0(FP), AX
	INT $0x80
	MOVL AX, ret+8(FP)
	RET
