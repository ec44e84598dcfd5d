package tap

import "golang.org/x/net/bpf"

// snapBytes is what is kept of a packet: more than the longest headers of IPv4 and TCP, and of most of IPv6.
const snapBytes = 256

// filter is what the kernel lets through, of packets without a link header: TCP with SYN and without ACK, or with RST
// alone, UDP, and ICMP echo requests, over IPv4 and IPv6. IPv6 with extension headers passes whole; the parser decides.
func filter() ([]bpf.RawInstruction, error) {
	const accept, drop = snapBytes, 0
	const flags, syn, rst = 0x17, 2, 4 // FIN, SYN, RST and ACK count
	return bpf.Assemble([]bpf.Instruction{
		/*  0 */ bpf.LoadAbsolute{Off: 0, Size: 1},
		/*  1 */ bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		/*  2 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipTrue: 1},
		/*  3 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 13, SkipFalse: 25},
		// IPv4: only the first fragment has ports.
		/*  4 */ bpf.LoadAbsolute{Off: 6, Size: 2},
		/*  5 */ bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 23},
		/*  6 */ bpf.LoadMemShift{Off: 0},
		/*  7 */ bpf.LoadAbsolute{Off: 9, Size: 1},
		/*  8 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 19},
		/*  9 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: 5},
		/* 10 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: 18},
		/* 11 */ bpf.LoadIndirect{Off: 13, Size: 1},
		/* 12 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flags},
		/* 13 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: syn, SkipTrue: 14},
		/* 14 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: rst, SkipTrue: 13, SkipFalse: 14},
		/* 15 */ bpf.LoadIndirect{Off: 0, Size: 1},
		/* 16 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 8, SkipTrue: 11, SkipFalse: 12},
		// IPv6.
		/* 17 */ bpf.LoadAbsolute{Off: 6, Size: 1},
		/* 18 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 17, SkipTrue: 9},
		/* 19 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 58, SkipTrue: 5},
		/* 20 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 6, SkipTrue: 6},
		/* 21 */ bpf.LoadAbsolute{Off: 53, Size: 1},
		/* 22 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flags},
		/* 23 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: syn, SkipTrue: 4},
		/* 24 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: rst, SkipTrue: 3, SkipFalse: 4},
		/* 25 */ bpf.LoadAbsolute{Off: 40, Size: 1},
		/* 26 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: 128, SkipTrue: 1, SkipFalse: 2},
		/* 27 */ bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: 60, SkipTrue: 1},
		/* 28 */ bpf.RetConstant{Val: accept},
		/* 29 */ bpf.RetConstant{Val: drop},
	})
}
