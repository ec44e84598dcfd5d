package tap

import "golang.org/x/net/bpf"

// snapBytes is what is kept of a packet: more than the longest headers of IPv4 and TCP, and of most of IPv6.
const snapBytes = 256

// filter is what the kernel lets through, of packets without a link header: TCP with SYN and without ACK, UDP, and
// ICMP echo requests, over IPv4 and IPv6. IPv6 with extension headers passes whole; the parser decides.
func filter() ([]bpf.RawInstruction, error) {
	const accept, drop = snapBytes, 0
	return bpf.Assemble([]bpf.Instruction{
		/*  0 */ bpf.LoadAbsolute{Off: 0, Size: 1},
		/*  1 */ bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		/*  2 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipTrue: 1},
		/*  3 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 12, SkipFalse: 23},
		// IPv4: only the first fragment has ports.
		/*  4 */ bpf.LoadAbsolute{Off: 6, Size: 2},
		/*  5 */ bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 21},
		/*  6 */ bpf.LoadMemShift{Off: 0},
		/*  7 */ bpf.LoadAbsolute{Off: 9, Size: 1},
		/*  8 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 17},
		/*  9 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: 4},
		/* 10 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: 16},
		/* 11 */ bpf.LoadIndirect{Off: 13, Size: 1},
		/* 12 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x17},
		/* 13 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 2, SkipTrue: 12, SkipFalse: 13},
		/* 14 */ bpf.LoadIndirect{Off: 0, Size: 1},
		/* 15 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 8, SkipTrue: 10, SkipFalse: 11},
		// IPv6.
		/* 16 */ bpf.LoadAbsolute{Off: 6, Size: 1},
		/* 17 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 8},
		/* 18 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 58, SkipTrue: 4},
		/* 19 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: 5},
		/* 20 */ bpf.LoadAbsolute{Off: 53, Size: 1},
		/* 21 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x17},
		/* 22 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 2, SkipTrue: 3, SkipFalse: 4},
		/* 23 */ bpf.LoadAbsolute{Off: 40, Size: 1},
		/* 24 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 128, SkipTrue: 1, SkipFalse: 2},
		/* 25 */ bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 60, SkipTrue: 1},
		/* 26 */ bpf.RetConstant{Val: accept},
		/* 27 */ bpf.RetConstant{Val: drop},
	})
}
