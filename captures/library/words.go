package library

import (
	"context"
	"database/sql"
	"slices"
)

// wordStream is the events that hold words, in order, read in pieces: those from begin to end are known.
type wordStream struct {
	l    *Library
	expr string
	not  bool // these are not wanted

	ids        []int64
	begin, end int64
	piece      int
}

// The first piece is small: most often it is enough.
const (
	firstPiece = 2_000
	maxPiece   = 250_000
	noEnd      = 1<<63 - 1
)

// read reads the next piece, from an event's number on.
func (w *wordStream) read(ctx context.Context, from int64) error {
	if w.piece == 0 {
		w.piece = firstPiece
	} else {
		w.piece = min(16*w.piece, maxPiece)
	}
	var all sql.NullString
	err := w.l.db.QueryRowContext(ctx, "SELECT group_concat(rowid) FROM (SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ? ORDER BY rowid LIMIT ?)", w.expr, from, w.piece).Scan(&all)
	if err != nil {
		return err
	}
	w.ids = w.ids[:0]
	for id := range numbers(all.String) {
		w.ids = append(w.ids, id)
	}
	w.begin, w.end = from, noEnd
	if len(w.ids) == w.piece {
		w.end = w.ids[len(w.ids)-1] + 1
	}
	return nil
}

// nextBlock is the block where a search from an event's number on goes on, less than 0 for nowhere: of words that are rare
// it is that of the next event that holds them. Common ones are read only where all the rest holds.
func (w *wordStream) nextBlock(ctx context.Context, from int64) (int64, error) {
	if w.piece == 0 {
		if err := w.read(ctx, from&^(blockSize-1)); err != nil {
			return -1, err
		}
	}
	if from < w.begin || from >= w.end {
		return blockOf(from), nil
	}
	i, _ := slices.BinarySearch(w.ids, from)
	switch {
	case i < len(w.ids):
		return blockOf(w.ids[i]), nil
	case w.end == noEnd:
		return -1, nil
	}
	return blockOf(w.end), nil
}

// block sets the bits of a block's events that hold the words.
func (w *wordStream) block(ctx context.Context, block int64, b *bitset) error {
	at, end := block<<blockBits, (block+1)<<blockBits
	first := at
	for at < end {
		if at < w.begin || at >= w.end {
			if err := w.read(ctx, at); err != nil {
				return err
			}
		}
		i, _ := slices.BinarySearch(w.ids, at)
		for ; i < len(w.ids) && w.ids[i] < end; i++ {
			b.set(int(w.ids[i] - first))
		}
		at = w.end
	}
	return nil
}
