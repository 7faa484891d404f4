//! What looking often costs, simulated: `cargo bench --bench peeking`.
//!
//! Visitors of two variants are drawn, and the results are looked at again and again. How often is a difference
//! declared where there is none, and how often is one found that is there? The seeds are fixed: the figures are the
//! same each time, but for the time.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use lamed::domain::results::{MIN_CONVERSIONS, MIN_PARTICIPANTS, MIN_VALUES};
use lamed::domain::statistics::{
    ALPHA, Contrast, Looking, Proportion, Valued, chances_to_be_best, lift, one_look, posterior,
    sample_ratio, sequential,
};
use lamed::domain::{Sums, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const RUNS: usize = 20_000;
/// `planned_participants`
const PLANNED: u64 = 30_000;
const DAYS: u64 = 30;
/// Visitors of each variant a day.
const VISITORS: u64 = 500;
/// Visitors of both from one look to the next, where there is no difference.
const STEP: u64 = 100;

fn main() {
    let (power, fooled) = daily();
    let worst = no_difference().max(no_difference_of_values());
    println!(
        "\na goal of 8 variants at 10⁹ participants each: {:.0} µs (median)",
        median_time()
    );
    let slack = 2.0 * (ALPHA * (1.0 - ALPHA) / RUNS as f64).sqrt();
    let most = 100.0 * (ALPHA + slack);
    assert!(
        worst <= most && fooled <= most,
        "a winner where there is none: {worst} {fooled}"
    );
    assert!(power >= 94.0, "5 % v 6 % found in {power} % only");
}

// A look every evening.

/// Whether something was declared.
type Is = fn(&Run) -> bool;

/// What was declared in one experiment, on any day unless said.
#[derive(Clone, Default)]
struct Run {
    z: bool,
    bayes: bool,
    planned: bool,
    sequential: bool,
    z_at_last: bool,
    sequential_at_last: bool,
    chi_square: bool,
    alarm: bool,
}

const DECLARED: [(&str, Is); 6] = [
    ("z test, p < 0.05 on any day", |run| run.z),
    ("chance to win over 95 % or under 5 % on any day", |run| {
        run.bayes
    }),
    ("planned for 30,000, p < 0.05 on any day", |run| run.planned),
    ("without a plan, p < 0.05 on any day", |run| run.sequential),
    ("z test, p < 0.05 on the last day", |run| run.z_at_last),
    ("without a plan, p < 0.05 on the last day", |run| {
        run.sequential_at_last
    }),
];

/// The power of the plan at 5 % v 6 %, and how often it is wrong.
fn daily() -> (f64, f64) {
    println!("{RUNS} runs of {DAYS} daily looks, {VISITORS} visitors a variant a day\n");
    let rates = [0.05_f64, 0.06, 0.0575];
    let runs = rates.map(|rate| in_parallel(rate.to_bits(), |random| day_by_day(rate, random)));
    println!(
        "{:50} {:>9} {:>9} {:>11}",
        "declared", "5 % v 5 %", "5 % v 6 %", "5 % v 5.75 %"
    );
    for (name, declared) in DECLARED {
        let [same, better, little] = [0, 1, 2].map(|of| share(&runs[of], declared));
        println!("{name:50} {same:>7.1} % {better:>7.1} % {little:>10.1} %");
    }
    let rows: [(&str, Is); 2] = [
        ("χ², p < 0.001", |run| run.chi_square),
        ("sequential, p < 0.01: the alarm", |run| run.alarm),
    ];
    println!("\nsample ratio off on any day, traffic split as declared");
    for (name, alarmed) in rows {
        println!("{name:50} {:>7.2} %", share(&runs[0], alarmed));
    }
    let planned: Is = |run| run.planned;
    (share(&runs[1], planned), share(&runs[0], planned))
}

fn day_by_day(rate: f64, random: &mut StdRng) -> Run {
    let mut run = Run::default();
    let mut conversions = [0, 0];
    // Of twice as many visitors, who fall on a variant by chance.
    let mut arrived = [0, 0];
    for day in 1..=DAYS {
        for (conversions, rate) in conversions.iter_mut().zip([0.05, rate]) {
            *conversions += draw(VISITORS, rate, random);
        }
        let first = draw(2 * VISITORS, 0.5, random);
        arrived = [arrived[0] + first, arrived[1] + 2 * VISITORS - first];
        let looks = conversions.map(|x| Proportion::new(x, day * VISITORS));
        if let [Some(control), Some(variant)] = looks {
            look(&mut run, control, variant);
        }
        if let Some(ratio) = sample_ratio(&arrived.map(|count| (count, 1))) {
            run.chi_square |= ratio.p_value < 0.001;
            run.alarm |= ratio.alarm();
        }
    }
    run
}

fn look(run: &mut Run, control: Proportion, variant: Proportion) {
    run.z_at_last = one_look(control, variant).p_value < ALPHA;
    run.z |= run.z_at_last;
    if !run.bayes {
        let chance = posterior(control, variant).chance_to_win;
        run.bayes = !(0.05..=0.95).contains(&chance);
    }
    run.sequential_at_last = finds(Looking::default(), control, variant);
    run.sequential |= run.sequential_at_last;
    run.planned |= finds(Looking::planned(PLANNED as f64), control, variant);
}

fn finds(looking: Looking, control: Proportion, variant: Proportion) -> bool {
    let p_value = looking.p_value(&Contrast::of_rates(control, variant));
    p_value.is_some_and(|p_value| p_value < ALPHA)
}

// A look every hundred visitors, where there is no difference.

/// The largest share of experiments with a verdict, in percent.
fn no_difference() -> f64 {
    let planned = grouped(PLANNED);
    println!(
        "\n{RUNS} runs, no difference, a look every {STEP} visitors until twice the planned {planned}: a verdict at any look"
    );
    println!(
        "{:>8} {:>6} {:>14} {:>14}",
        "weights", "rate", "with the plan", "without a plan"
    );
    let mut worst = 0.0_f64;
    for weight in [50_u64, 90, 99] {
        for rate in [0.01_f64, 0.05, 0.3] {
            let steps = Steps::new(rate);
            let seed = weight + rate.to_bits();
            let found = in_parallel(seed, |random| same(weight, &steps, random));
            let of = |is: fn(&(bool, bool)) -> bool| {
                100.0 * found.iter().filter(|run| is(run)).count() as f64 / RUNS as f64
            };
            let (with, without) = (of(|run| run.0), of(|run| run.1));
            println!(
                "{:>8} {:>4} % {with:>12.2} % {without:>12.2} %",
                format!("{weight}:{}", 100 - weight),
                rate * 100.0
            );
            worst = worst.max(with).max(without);
        }
    }
    worst
}

/// Whether any look finds a difference: with the plan, and without.
fn same(weight: u64, steps: &Steps, random: &mut StdRng) -> (bool, bool) {
    let mut found = (false, false);
    let (mut a, mut b) = ([0; 2], [0; 2]);
    for _ in 0..2 * PLANNED / STEP {
        let first = steps.split[weight as usize].draw(random);
        for (side, participants) in [(&mut a, first), (&mut b, STEP - first)] {
            side[0] += steps.converted[participants as usize].draw(random);
            side[1] += participants;
        }
        // No verdict with less.
        if a[1].min(b[1]) < MIN_PARTICIPANTS || a[0].min(b[0]) < MIN_CONVERSIONS {
            continue;
        }
        let [Some(control), Some(variant)] = [a, b].map(|[x, n]| Proportion::new(x, n)) else {
            continue;
        };
        let of = Contrast::of_rates(control, variant);
        let square = of.difference * of.difference;
        // No boundary is lower: most looks need no more.
        if square < 2.28_f64.powi(2) * of.pooled_variance
            && square < 2.99_f64.powi(2) * of.variance()
        {
            continue;
        }
        found.0 |= finds(Looking::planned(PLANNED as f64), control, variant);
        found.1 |= finds(Looking::default(), control, variant);
    }
    found
}

/// How many of up to [`STEP`] events happen.
struct Steps {
    /// By the chance in percent that each of [`STEP`] falls on the first variant.
    split: Vec<Binomial>,
    /// By how many there are.
    converted: Vec<Binomial>,
}

impl Steps {
    fn new(rate: f64) -> Self {
        let percents = (0..100).map(|percent| Binomial::new(STEP, f64::from(percent) / 100.0));
        Self {
            split: percents.collect(),
            converted: (0..=STEP).map(|n| Binomial::new(n, rate)).collect(),
        }
    }
}

/// The distribution function, to be inverted.
struct Binomial(Vec<f64>);

impl Binomial {
    fn new(n: u64, chance: f64) -> Self {
        let mut density = (1.0 - chance).powi(n as i32);
        let mut sum = 0.0;
        let sums = (0..n).map(|x| {
            sum += density;
            density *= (n - x) as f64 / (x + 1) as f64 * chance / (1.0 - chance);
            sum
        });
        Self(sums.collect())
    }

    fn draw(&self, random: &mut StdRng) -> u64 {
        let uniform: f64 = random.random();
        self.0.partition_point(|sum| *sum <= uniform) as u64
    }
}

// Goals with a value: orders, of which most are small and a few are large.

/// As [`no_difference`], for what visitors are worth. With as few conversions as a verdict on a rate takes, the level
/// breaks; it has to hold with [`MIN_VALUES`].
fn no_difference_of_values() -> f64 {
    println!(
        "\n{RUNS} runs, no difference of values (lognormal, median 40, capped at 500), a look every {VALUE_STEP} visitors"
    );
    println!(
        "{:>12} {:>8} {:>6} {:>14} {:>14}",
        "conversions", "weights", "rate", "with the plan", "without a plan"
    );
    let mut worst = 0.0_f64;
    for least in [MIN_CONVERSIONS, MIN_VALUES] {
        for (weight, rate) in [
            (0.5, 0.05),
            (0.5, 0.3),
            (0.9, 0.05),
            (0.9, 0.3),
            (0.99, 0.3),
        ] {
            let found = in_parallel(f64::to_bits(weight + rate), |random| {
                same_values(weight, rate, least, random)
            });
            let of = |is: fn(&(bool, bool)) -> bool| {
                100.0 * found.iter().filter(|run| is(run)).count() as f64 / RUNS as f64
            };
            let (with, without) = (of(|run| run.0), of(|run| run.1));
            println!(
                "{least:>12} {:>8} {:>4} % {with:>12.2} % {without:>12.2} %",
                format!("{:.0}:{:.0}", weight * 100.0, (1.0 - weight) * 100.0),
                rate * 100.0
            );
            if least == MIN_VALUES {
                worst = worst.max(with).max(without);
            }
        }
    }
    worst
}

/// Visitors of both from one look to the next.
const VALUE_STEP: u64 = 500;

fn same_values(weight: f64, rate: f64, least: u64, random: &mut StdRng) -> (bool, bool) {
    let mut found = (false, false);
    let mut sides = [(0, 0, Sums::default()); 2];
    for _ in 0..PLANNED / VALUE_STEP {
        let first = draw(VALUE_STEP, weight, random);
        for (side, participants) in sides.iter_mut().zip([first, VALUE_STEP - first]) {
            let orders = draw(participants, rate, random);
            (side.0, side.1) = (side.0 + participants, side.1 + orders);
            for _ in 0..orders {
                let value = Value::new((40.0 * normal(random).exp()).min(500.0));
                let value = value.expect("a number from 0");
                let (high, low) = value.square();
                side.2 = side.2.and(Sums::stored(value.units(), high, low));
            }
        }
        if (sides.iter()).any(|side| side.0 < MIN_PARTICIPANTS || side.1 < least) {
            continue;
        }
        let [Some(control), Some(variant)] = sides.map(|side| Valued::new(side.0, side.2)) else {
            continue;
        };
        let of = Contrast::of_means(control, variant);
        let finds = |looking: Looking| looking.p_value(&of).is_some_and(|p| p < ALPHA);
        found.0 |= finds(Looking::planned(PLANNED as f64));
        found.1 |= finds(Looking::default());
    }
    found
}

/// Of the standard normal distribution (Box & Muller 1958).
fn normal(random: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

// Both.

/// All runs, half of them on another core.
fn in_parallel<T: Send>(seed: u64, run: impl Fn(&mut StdRng) -> T + Sync) -> Vec<T> {
    let half = |which: u64| {
        let mut random = StdRng::seed_from_u64(seed.rotate_left(20) ^ which);
        (0..RUNS / 2).map(|_| run(&mut random)).collect::<Vec<T>>()
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut all = half(0);
        // What panicked there panics here.
        all.extend(other.join().expect("no panic"));
        all
    })
}

/// How many of so many events happen: from one to the next by how many do not in between, which is
/// geometrically distributed.
fn draw(events: u64, chance: f64, random: &mut StdRng) -> u64 {
    let of_none = (1.0 - chance).ln();
    let (mut at, mut happened) = (0.0, 0);
    loop {
        let uniform: f64 = random.random();
        at += ((1.0 - uniform).ln() / of_none).floor() + 1.0;
        if at > events as f64 {
            return happened;
        }
        happened += 1;
    }
}

/// In percent.
fn share(runs: &[Run], is_so: Is) -> f64 {
    let count = runs.iter().filter(|run| is_so(run)).count();
    100.0 * count as f64 / runs.len() as f64
}

fn grouped(number: u64) -> String {
    lamed::domain::results::grouped(number as f64)
}

/// Microseconds for everything that is said of a goal: 7 comparisons, and the best of 8.
fn median_time() -> f64 {
    let variants: Vec<Proportion> = (0..8)
        .filter_map(|i| Proportion::new(50_000_000 + 3000 * i, 1_000_000_000))
        .collect();
    let mut times: Vec<f64> = (0..501)
        .map(|_| {
            let start = Instant::now();
            for &variant in &variants {
                black_box(variant.interval());
            }
            let control = variants[0];
            for &variant in &variants[1..] {
                black_box(lift(control, variant));
                black_box(one_look(control, variant));
                black_box(sequential(control, variant));
                black_box(posterior(control, variant));
            }
            black_box(chances_to_be_best(&variants));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
