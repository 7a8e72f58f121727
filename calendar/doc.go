// Package calendar computes with working time: which instants are in it, how much lies between two instants, when an amount
// of it is reached, and why.
//
// # Model
//
// A [Calendar] is a set of half-open stretches of time, made of rules about the wall clock of a zone that it names. The rules
// lie in layers, and the last one that says something wins:
//
//  1. the weekly pattern (Week) and the patterns of seasons,
//  2. holidays: dates and ranges, of one year or of every year, by rule ("last monday in may", "easter+1"), with the day that
//     rests instead when they fall on a weekend; closed, or with hours of their own, or closed in part (of the hours that the
//     weekly pattern gives the date),
//  3. days: a date follows another weekday (a make-up Saturday follows Friday) or has hours of its own,
//  4. the holidays and days of each further [Layer], in order: regional ones, those of one hospital,
//  5. stretches: closures, then openings, then those of each further layer. Where a closure and an opening of one
//     layer cover the same instant, the opening wins.
//
// A date can have several shifts. A shift may cross midnight ("22:00-06:00") and belongs to the date on which it starts, so
// a holiday takes away the whole night that begins on it and leaves the one that began before; 24:00 is the end of a date. Shifts of a date or of the weekly
// pattern that overlap are an error; where exceptions bring two dates together, the time counts once.
//
// Calendars can be joined, intersected and subtracted ([Union], [Intersect], [Subtract]), also across zones. The same
// forms exist as data, in Go ([Data]) and JSON ([Parse]). Package cn holds the statutory rest days of China.
//
// # Guarantees
//
//   - The instant of a wall-clock time is the first one at which the clock shows it or a later time: a skipped time is the
//     instant of the jump, a repeated one its first pass. Durations are elapsed time.
//   - Add and Between are inverse: Between(t, Add(t, d)) = d for every d within the horizon, to the nanosecond.
//   - Between, Add and Open cost the same for a day and for ten years (two look-ups in an index of the years in use) and
//     allocate nothing once the years are indexed. A calendar keeps about 20 KB per year that it was asked about.
//   - A calendar that never opens again gives a [*HorizonError], and one that is never open has no working time; there is no
//     falling back to round-the-clock.
//   - Dates outside Published are computed by the rules that are there, and marked: [Calendar.Due] lists the years,
//     [Calendar.AddStrict] and [Calendar.BetweenStrict] refuse.
//   - A calendar is immutable. [Calendar.Version] changes with the data and only with them; [Diff] lists the dates on which two
//     calendars differ.
//
// # Limits
//
// Times before 1900 and from 2200 on are closed, except in a calendar that is open around the clock. Zone rules come from
// the system or, where it has none, from the copy within the program; a change of law there is not part of the version.
package calendar
