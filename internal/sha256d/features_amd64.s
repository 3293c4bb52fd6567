#include "textflag.h"

// func readFeatures() (ecx1, ebx7, xcr0 uint32)
TEXT ·readFeatures(SB), NOSPLIT, $0-12
	MOVL $0, ecx1+0(FP)
	MOVL $0, ebx7+4(FP)
	MOVL $0, xcr0+8(FP)
	XORL AX, AX
	CPUID
	MOVL AX, R8 // the highest leaf
	CMPL R8, $1
	JB   done
	MOVL $1, AX
	XORL CX, CX
	CPUID
	MOVL CX, ecx1+0(FP)
	MOVL CX, R9
	CMPL R8, $7
	JB   state
	MOVL $7, AX
	XORL CX, CX
	CPUID
	MOVL BX, ebx7+4(FP)

state:
	TESTL $(1<<27), R9 // OSXSAVE: XGETBV is allowed
	JZ    done
	XORL  CX, CX
	XGETBV
	MOVL  AX, xcr0+8(FP)

done:
	RET
