// Package spool keeps what a sensor observed on its own disk until the lake has it: a write-ahead log, bounded, that
// survives a crash at any moment.
//
// The folder holds segments and a lock. A segment is named EPOCH-FIRST.seg: the epoch of the spool in 16 hexadecimal
// digits and the sequence of its first record in 20 decimal digits. It is a run of frames, all integers little-endian:
//
//	length   uint32   of the record
//	checksum uint32   CRC-32C of sequence and record
//	sequence uint64
//	record   length bytes
//
// The last segment is the one that is written; it is there even when it is empty, so that its name tells the next
// sequence after everything else was freed. A frame that is not whole at the end of the last segment was never
// acknowledged and is cut off. A new folder gets a new random epoch.
package spool
