// Package cn has the days of rest and the make-up working days of China, 2007 to 2026, as layers for calendars.
//
// # Model
//
// Each year the General Office of the State Council publishes a notice: the statutory days of each festival, the days of
// rest moved next to them, and the weekend days worked in return. The three are kept apart as [calendar.Kind]. A year has
// one [Notice]; 2015, 2019 and 2020 have two, because the calendar changed while the year ran, and the later one is in force.
// Lists reach into the December before (2007, 2008, 2012, 2019 and 2023 do).
//
// # Guarantees
//
// What [Layer] returns can be put into [calendar.Data] as it is. A year without a notice is unpublished; [LayerAsOf] knows
// only the notices that had been published by a date, so that a calendar of the past can be made again.
//
// # Limits
//
//   - The notice does not say which weekday a make-up day stands for. A Saturday follows Friday's timetable, a Sunday Monday's;
//     change Days where a hospital decides otherwise.
//   - Which of the days off are statutory follows the rule in force in the year: until 2007 ten days a year, from 2008 eleven
//     with New Year's Eve of the lunar year, from 2014 eleven without it, from 2025 thirteen. They are counted on the dates of the
//     festivals; when two fall on one date, as in 2009 and 2020, it counts once. All other days off of a notice are
//     [calendar.MovedRest], the weekend days among them and the days by which Spring Festival was extended in 2020 included.
//   - Half holidays of groups (Women's Day, Youth Day) are not in it: they do not change the hours of a service.
//   - The last days of December of the last year may still be changed by the notice of the next.
package cn
