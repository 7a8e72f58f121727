package itsmtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

const hostileCheck = "hostile texts come back as they went in or are refused, and touch nothing else"

// brokenTexts are stores in which some text is more than a text.
var brokenTexts = []faultOf{
	{"names pasted into statements", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			for _, p := range b.Puts {
				if strings.Contains(string(p.Key.ID), "'") {
					return errors.New("syntax error at or near \"'\"")
				}
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "syntax error"},
	{"a question that is always true", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			if len(q.Where) == 1 && strings.Contains(q.Where[0].Value.Text(), "OR '1'='1") {
				q.Where = nil
			}
			return must(db.Find(background, q))
		}}
	}, hostileCheck, "the answer is not that of the plain store"},
	{"values as patterns", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			if len(q.Where) == 1 && q.Where[0].Op == itsm.Equal && q.Where[0].Value.Text() == "%" {
				q.Where = nil
			}
			return must(db.Find(background, q))
		}}
	}, hostileCheck, "the answer is not that of the plain store"},
	{"a name that drops what others have", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if err == nil && slices.ContainsFunc(b.Events, func(e itsm.Event) bool { return strings.Contains(string(e.Actor), "DROP TABLE") }) {
				db.mu.Lock()
				defer db.mu.Unlock()
				maps.DeleteFunc(db.records, func(k itsm.Key, _ plainRecord) bool { return k.Tenant == "h2" })
			}
			return err
		}}
	}, hostileCheck, "records of \"h2\""},
	{"quotes doubled", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Puts {
				for j, e := range b.Puts[i].Index {
					b.Puts[i].Index[j].Value = itsm.TextOf(strings.ReplaceAll(e.Value.Text(), "'", "''"))
				}
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "and not the record"},
	{"escapes in JSON undone", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Puts {
				b.Puts[i].Data = []byte(strings.ReplaceAll(string(b.Puts[i].Data), `\u0000`, ""))
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "record, as"},
	{"texts end at a zero byte", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Events {
				b.Events[i].Reason, _, _ = strings.Cut(b.Events[i].Reason, "\x00")
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "reason \"\\x00\": the entries of the command"},
	{"what is no UTF-8 mended", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Puts {
				for j, e := range b.Puts[i].Index {
					b.Puts[i].Index[j].Value = itsm.TextOf(strings.ToValidUTF8(e.Value.Text(), "\ufffd"))
				}
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "and not the record"},
	{"look-alikes made one", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i, k := range keys {
				if k.ID = itsm.ID(strings.ReplaceAll(string(k.ID), "\u212a", "K")); k != keys[i] {
					all[i] = cloneSnapshot(db.records[k].Snapshot)
				}
			}
			return all, err
		}}
	}, hostileCheck, "load"},
	{"half refused", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			if len(b.Events) > 0 && strings.Contains(b.Events[0].Reason, "\x00") {
				_ = db.Commit(ctx, store.Batch{Tenant: b.Tenant, Puts: b.Puts, Events: b.Events})
				return itsm.ErrInvalid
			}
			return db.Commit(ctx, b)
		}}
	}, hostileCheck, "entries of \"the reason\""},
	{"any position taken", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			return must(db.Events(background, "", f))
		}}
	}, hostileCheck, "was never given out"},
}
