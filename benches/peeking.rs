//! What looking every day costs, simulated: `cargo bench --bench peeking`.
//!
//! Visitors of two variants are drawn day by day, and the results are looked at each evening. How
//! often is a difference declared where there is none, and how often is one found that is there? The
//! seed is fixed: the figures are the same each time, but for the time.

use std::hint::black_box;
use std::time::Instant;

use lamed::domain::statistics::{
    ALPHA, Proportion, SampleRatio, chances_to_be_best, lift, one_look, posterior, sample_ratio,
    sequential,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SEED: u64 = 30;
const DAYS: usize = 30;
/// Visitors of each variant a day.
const VISITORS: u64 = 500;
const RATE: f64 = 0.05;
const BETTER: f64 = 0.06;
const RUNS: usize = 10_000;

fn main() {
    println!("{RUNS} runs of {DAYS} daily looks, {VISITORS} visitors a variant a day\n");
    let mut random = StdRng::seed_from_u64(SEED);
    let same = simulate(RATE, &mut random);
    let better = simulate(BETTER, &mut random);
    let rows: [(&str, Is); 5] = [
        ("z test, p < 0.05 on any day", |run| run.z),
        ("chance to win over 95 % or under 5 % on any day", |run| {
            run.bayes
        }),
        ("sequential, p < 0.05 on any day", |run| run.sequential),
        ("z test, p < 0.05 on the last day", |run| run.z_at_last),
        ("sequential, p < 0.05 on the last day", |run| {
            run.sequential_at_last
        }),
    ];
    println!("{:50} {:>9} {:>9}", "declared", "5 % v 5 %", "5 % v 6 %");
    for (name, declared) in rows {
        let (wrongly, rightly) = (share(&same, declared), share(&better, declared));
        println!("{name:50} {wrongly:>7.1} % {rightly:>7.1} %");
    }
    let rows: [(&str, Is); 2] = [
        ("χ², p < 0.001", |run| run.chi_square),
        ("sequential, p < 0.01: the alarm", |run| run.alarm),
    ];
    println!("\nsample ratio off on any day, traffic split as declared");
    for (name, alarmed) in rows {
        println!("{name:50} {:>7.2} %", share(&same, alarmed));
    }
    println!(
        "\na goal of 8 variants at 10⁹ participants each: {:.0} µs (median)",
        median_time()
    );
    let winners = share(&same, |run| run.sequential);
    assert!(winners <= 100.0 * ALPHA, "a winner where there is none");
}

/// Whether something was declared.
type Is = fn(&Run) -> bool;

/// What was declared in one experiment, on any day unless said.
#[derive(Default)]
struct Run {
    z: bool,
    bayes: bool,
    sequential: bool,
    z_at_last: bool,
    sequential_at_last: bool,
    chi_square: bool,
    alarm: bool,
}

fn simulate(rate: f64, random: &mut StdRng) -> Vec<Run> {
    (0..RUNS).map(|_| experiment(rate, random)).collect()
}

fn experiment(rate: f64, random: &mut StdRng) -> Run {
    let mut run = Run::default();
    let mut conversions = [0, 0];
    // Of twice as many visitors, who fall on a variant by chance.
    let mut arrived = [0, 0];
    for day in 1..=DAYS as u64 {
        for (conversions, rate) in conversions.iter_mut().zip([RATE, rate]) {
            *conversions += draw(VISITORS, rate, random);
        }
        let first = draw(2 * VISITORS, 0.5, random);
        arrived = [arrived[0] + first, arrived[1] + 2 * VISITORS - first];
        let looks = conversions.map(|x| Proportion::new(x, day * VISITORS));
        if let [Some(control), Some(variant)] = looks {
            look(&mut run, control, variant);
        }
        if let Some(ratio) = sample_ratio(&arrived.map(|count| (count, 1))) {
            check(&mut run, &ratio);
        }
    }
    run
}

fn look(run: &mut Run, control: Proportion, variant: Proportion) {
    run.z_at_last = one_look(control, variant).p_value < ALPHA;
    run.z |= run.z_at_last;
    let chance = posterior(control, variant).chance_to_win;
    run.bayes |= !(0.05..=0.95).contains(&chance);
    run.sequential_at_last = sequential(control, variant).is_some_and(|s| s.p_value < ALPHA);
    run.sequential |= run.sequential_at_last;
}

fn check(run: &mut Run, ratio: &SampleRatio) {
    run.chi_square |= ratio.p_value < 0.001;
    run.alarm |= ratio.alarm();
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
