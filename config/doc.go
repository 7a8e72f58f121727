// Package config is configuration management: what there is (devices, software, services, contracts, documents), how it hangs together, and who
// allowed each change of it.
//
// # Model
//
// An [Item] is a record of the kind ci. Its class ([Model], data) says which attributes it has, what identifies it, and which relations it may have.
// Its life:
//
//	planned → pending → accepted → live ⇄ in_maintenance, suspended
//	                       └──────────┴→ withdrawn → disposed
//
// docs/diagrams/config.md shows it in full. What an item is within a state (operational, standby) is its status. Attributes are of two kinds. Those under control are
// written by people under an authority. Observed ones are what sources see ([Observe]); sightings never change what is under control, they are
// evidence that it is compared with.
//
// Beside it stand three packages. config/discovery finds out which item an observation is of, and imports files. config/baseline freezes pictures and
// tells how they differ. config/audit compares records with the world. Package config/impact answers what depends on what: [Service.Graph] makes its graph,
// [Model.GraphChanges] keeps it up to date from events.
//
// # Guarantees
//
//   - Every write names an approved change, a release or the correction of an audit, which allows it at the moment it is committed ([Authorisations]). Without a
//     port nothing can be written.
//   - Nothing dangles: a relation leads to an item that is there, between classes that the model allows; numbers of relations are within their bounds and
//     acyclic types have no circles, also when many link at once. A hub does not grow with what leads to it.
//   - An identity (a label, a serial number) belongs to one item ([Claim]), also when several are registered at once. Absent, blank and placeholder values
//     identify nothing.
//   - What an item knows from sources does not depend on the order in which sightings arrive.
//   - What was at any time can be asked as it was known at any time ([History]): attributes, states and relations. Corrections never erase.
//   - Suspected duplicates are merged by people only; a merge keeps both histories and can be undone.
//
// # What is data
//
// The class model, the [Policy], the lifecycle within what is [Mandatory], permissions ([Grants]), and the host's own fields.
//
// # Limits
//
// Numbers of relations hold for today, not for the past that is entered later. A relation whose number is bounded at its far end is counted there: both items are
// written, so the authority must cover both. Commands need a store with units of work, as those of the package store are.
// Values of attributes are not masked: an attribute above the level of the item is refused instead.
package config
