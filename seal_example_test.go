package itsm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func ExampleSealer() {
	ctx := context.Background()
	db := memory.New() // any store is a journal
	parcels, err := itsm.NewService(parcels{}, store.NewRepository[parcel](db), itsm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, label := range []string{"toner", "paper", "ink"} {
		if _, err := parcels.Do(as("ann", "clerk"), "", register{Sender: "Bo", Label: label}); err != nil {
			log.Fatal(err)
		}
	}

	// The host makes its keys once: the secret one signs, the public one goes to whoever is to verify.
	secret, public, err := note.GenerateKey(nil, "h1.example/itsm")
	if err != nil {
		log.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		log.Fatal(err)
	}
	keys := note.VerifierList(verifier)

	seals := store.NewSealStore(db)
	sealer, err := itsm.NewSealer(db, seals, signer, keys)
	if err != nil {
		log.Fatal(err)
	}
	seal, err := sealer.Seal(ctx, "h1", time.Now())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("sealed:", seal.Size, "entries") // keep seal.Note away from the store

	result, err := itsm.VerifyJournal(ctx, db, "h1", seals, keys, seal)
	fmt.Println("verified:", result.Sealed, "entries,", err)

	// Somebody takes the second entry out of a copy of the database.
	copied := &tape{}
	for e := range db.Events(ctx, "", itsm.Filter{Tenant: "h1"}) {
		copied.events = append(copied.events, e)
	}
	lost := copied.events[1]
	copied.events = slices.Delete(copied.events, 1, 2)
	_, err = itsm.VerifyJournal(ctx, copied, "h1", seals, keys, seal)
	var tampered *itsm.TamperedError
	fmt.Println("dropped:", errors.Is(err, itsm.ErrEntryDropped), "and named:", errors.As(err, &tampered) && tampered.Key == lost.Key)
	// Output:
	// sealed: 3 entries
	// verified: 3 entries, <nil>
	// dropped: true and named: true
}
