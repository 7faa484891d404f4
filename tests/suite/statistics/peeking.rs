//! What looking after every participant does, simulated with fixed seeds.

use lamed::domain::results::{Results, VerdictKind};
use lamed::domain::statistics::{Contrast, Looking, Wanted, sample_ratio};
use lamed::domain::{Count, Declared, EventKind, ExperimentCounts, Goal, Name, PARTICIPATE};

const RUNS: u32 = 500;
/// Of each experiment: so many that 1 % of them can be judged.
const PARTICIPANTS: u64 = 4000;
const RATE: f64 = 0.3;

/// No difference and a split as declared: by chance, a verdict comes up in one of twenty experiments at most, and the
/// alarm in one of a hundred. With a plan and without, however one looks.
#[test]
fn looking_after_every_participant_finds_no_more_than_was_promised() {
    for (seed, weights) in [&[50, 50][..], &[90, 10], &[99, 1], &[20, 20, 20, 20, 20]]
        .into_iter()
        .enumerate()
    {
        let mut random = Random(seed as u64 + 1);
        let (mut found, mut one_look) = (Found::default(), 0);
        for _ in 0..RUNS {
            let (of_run, fooled) = experiment(weights, &mut random);
            found.add(&of_run);
            one_look += u32::from(fooled);
        }
        println!("{weights:?}: {found:?}, one look: {one_look} of {RUNS}");
        let Found {
            alarms,
            verdicts,
            with_plan,
        } = found;
        assert!(
            is_at_most(alarms, 0.01),
            "{weights:?}: {alarms} alarms of {RUNS}"
        );
        assert!(
            is_at_most(verdicts, 0.05),
            "{weights:?}: {verdicts} verdicts of {RUNS}"
        );
        assert!(
            is_at_most(with_plan, 0.05),
            "{weights:?}: {with_plan} verdicts with a plan of {RUNS}"
        );
        // The simulation would see it: the same looks with the test for one look find much more.
        assert!(
            !is_at_most(one_look, 0.1),
            "{weights:?}: {one_look} of {RUNS}"
        );
    }
}

/// Up to two standard errors.
fn is_at_most(number: u32, share: f64) -> bool {
    let runs = f64::from(RUNS);
    f64::from(number) / runs <= share + 2.0 * (share * (1.0 - share) / runs).sqrt()
}

#[derive(Debug, Default)]
struct Found {
    alarms: u32,
    verdicts: u32,
    with_plan: u32,
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.alarms += other.alarms.min(1);
        self.verdicts += other.verdicts.min(1);
        self.with_plan += other.with_plan.min(1);
    }

    /// Looks as people do, at what may have been crossed.
    fn look(&mut self, counts: &ExperimentCounts, declared: &[Declared; 2], crossed: [bool; 3]) {
        let kinds = [
            VerdictKind::Winner,
            VerdictKind::ControlBest,
            VerdictKind::Loser,
        ];
        let kind = |which: usize| {
            Results::of(counts, &[], Some(&declared[which]), None)
                .verdict
                .kind
        };
        let [sequence, plan, alarm] = crossed;
        // Once is enough.
        if alarm && self.alarms == 0 {
            self.alarms = u32::from(kind(0) == VerdictKind::SampleRatio);
        }
        if sequence && self.verdicts == 0 {
            self.verdicts = u32::from(kinds.contains(&kind(0)));
        }
        if plan && self.with_plan == 0 {
            self.with_plan = u32::from(kinds.contains(&kind(1)));
        }
    }
}

/// What an experiment finds at any look, and whether the test for one look does. Most looks find nothing, which is
/// seen without all of the arithmetic.
fn experiment(weights: &[u32], random: &mut Random) -> (Found, bool) {
    let declared = [None, Some(PARTICIPANTS)].map(|planned| declare(weights, planned));
    let all: u32 = weights.iter().sum();
    let mut counts = vec![(0_u64, 0_u64); weights.len()];
    let (mut found, mut fooled) = (Found::default(), false);
    for n in 1..=PARTICIPANTS {
        let mut lot = random.below(all);
        let place = weights.iter().position(|weight| {
            let here = lot < *weight;
            lot = lot.wrapping_sub(*weight);
            here
        });
        let side = &mut counts[place.unwrap()];
        side.0 += u64::from(random.unit() < RATE);
        side.1 += 1;
        let crossed = Crossed::by(&counts, weights);
        fooled |= crossed.one_look;
        let crossed = [
            crossed.sequence && found.verdicts == 0,
            crossed.plan && found.with_plan == 0,
            found.alarms == 0 && is_alarmed(&counts, weights, n),
        ];
        if crossed.contains(&true) {
            found.look(&counted(&counts), &declared, crossed);
        }
    }
    (found, fooled)
}

/// What any of the variants passes beside the first.
#[derive(Default)]
struct Crossed {
    one_look: bool,
    sequence: bool,
    plan: bool,
}

impl Crossed {
    /// The clearest of several comparisons has to pass its part of α. No boundary is lower than 2.99 unpooled and 2.28
    /// pooled, so that most looks need no more.
    fn by(counts: &[(u64, u64)], weights: &[u32]) -> Self {
        let ((xa, na), mut crossed) = (counts[0], Self::default());
        for (&(xb, nb), weight) in counts[1..].iter().zip(&weights[1..]) {
            if na.min(nb) < 30 || xa + xb < 10 {
                continue;
            }
            let [x, n, y, m] = [xa as f64, na as f64, xb as f64, nb as f64];
            let (a, b, both) = (x / n, y / m, (x + y) / (n + m));
            let square = (a - b) * (a - b);
            let unpooled = square / (a * (1.0 - a) / n + b * (1.0 - b) / m);
            let pooled = square / (both * (1.0 - both) * (1.0 / n + 1.0 / m));
            crossed.one_look |= unpooled > 1.96 * 1.96;
            if unpooled < 2.99 * 2.99 && pooled < 2.28 * 2.28 {
                continue;
            }
            let all: u32 = weights.iter().sum();
            let planned = PARTICIPANTS as f64 * f64::from(weights[0] + weight) / f64::from(all);
            let contrast = Contrast::of_rates(super::counts(xa, na), super::counts(xb, nb));
            let alpha = 0.05 / (weights.len() - 1) as f64;
            let passes = |looking: Looking| looking.p_value(&contrast).is_some_and(|p| p < alpha);
            crossed.sequence |= passes(Looking::default());
            crossed.plan |= passes(Looking::planned(planned));
        }
        crossed
    }
}

/// The logarithm of the evidence is never more than that of the likelihood ratio, nor that more than χ²; and an alarm
/// takes ln 100.
fn is_alarmed(counts: &[(u64, u64)], weights: &[u32], n: u64) -> bool {
    let all: u32 = weights.iter().sum();
    let mut squares = 0.0;
    for ((_, count), weight) in counts.iter().zip(weights) {
        squares += (count * count) as f64 / f64::from(*weight);
    }
    let n = n as f64;
    if squares * f64::from(all) / n - n < 4.6 {
        return false;
    }
    // By the likelihood ratio, which is closer.
    let mut ratio = 0.0;
    for ((_, count), weight) in counts.iter().zip(weights).filter(|((_, n), _)| *n > 0) {
        let count = *count as f64;
        ratio += count * (count * f64::from(all) / (n * f64::from(*weight))).ln();
    }
    if ratio < 4.6 {
        return false;
    }
    let split = counts
        .iter()
        .zip(weights)
        .map(|((_, n), weight)| (*n, *weight));
    sample_ratio(&split.collect::<Vec<_>>()).is_some_and(|ratio| ratio.alarm())
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

const VARIANTS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn declare(weights: &[u32], planned: Option<u64>) -> Declared {
    Declared {
        variants: (VARIANTS.iter().zip(weights))
            .map(|(variant, weight)| (name(variant), *weight))
            .collect(),
        goals: vec![Goal::new(name("g"))],
        planned_participants: planned,
        ..Declared::new(name("experiment"))
    }
}

fn counted(counts: &[(u64, u64)]) -> ExperimentCounts {
    let all = VARIANTS.iter().zip(counts).flat_map(|(variant, (x, n))| {
        [("g", *x), (PARTICIPATE, *n)].map(|(event, count)| Count {
            kind: EventKind::from(name(event)),
            variant: name(variant),
            count,
        })
    });
    ExperimentCounts::new(name("experiment"), all)
}

/// A plan of the size that is advised finds the difference in four of five experiments, looked at every day.
#[test]
fn the_promised_power_is_there() {
    const RUNS: u32 = 1000;
    let mut random = Random(80);
    for (a, b) in [(0.1, 0.12), (0.4, 0.36)] {
        let wanted = Wanted::rates(a, b, 0.5, 1).unwrap();
        let planned = wanted.plan().unwrap().next_multiple_of(2);
        let without = wanted
            .participants(Looking::default(), 0.0)
            .unwrap()
            .next_multiple_of(2);
        for (looking, participants) in [
            (Looking::planned(planned as f64), planned),
            (Looking::default(), without),
        ] {
            let promised = wanted.power(looking, participants as f64);
            assert!((0.8..0.801).contains(&promised), "{promised}");
            let found = (0..RUNS).filter(|_| finds([a, b], looking, participants, &mut random));
            let share = found.count() as f64 / f64::from(RUNS);
            println!("{a} {b} {looking:?} {participants}: {share}");
            // Looks before the last add a little.
            assert!(
                (0.78..0.88).contains(&share),
                "{a} {b} {looking:?}: {share}"
            );
        }
    }
}

/// Whether one of 20 looks finds a difference.
fn finds(rates: [f64; 2], looking: Looking, participants: u64, random: &mut Random) -> bool {
    let mut counts = [0.0; 2];
    (1..=20_u64).any(|look| {
        let [before, now] = [look - 1, look].map(|look| participants / 2 * look / 20);
        for (count, rate) in counts.iter_mut().zip(rates) {
            *count += random.binomial((now - before) as f64, rate);
        }
        let [a, b] = counts.map(|count| super::counts(count as u64, now));
        let p_value = looking.p_value(&Contrast::of_rates(a, b));
        p_value.is_some_and(|p_value| p_value < 0.05)
    })
}

/// `SplitMix64` (Steele, Lea, Flood 2014): quick, also where nothing is optimised.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: u32) -> u32 {
        (((self.next() >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// Of so many as there are here, the normal distribution is close enough.
    fn binomial(&mut self, n: f64, rate: f64) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        (n * rate + (n * rate * (1.0 - rate)).sqrt() * normal)
            .round()
            .clamp(0.0, n)
    }
}
