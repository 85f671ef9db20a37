use super::*;
use std::sync::atomic::AtomicUsize;

/// The system's allocator as long as it is allowed to serve.
#[derive(Default)]
struct Refusing {
    refuses: AtomicBool,
    live: AtomicUsize,
}

impl Refusing {
    fn serves(&self) -> bool {
        !self.refuses.load(Ordering::Relaxed)
    }
}

// SAFETY: hands requests to the system's allocator, or refuses them.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.serves() {
            return null_mut();
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: handed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.serves() {
            // SAFETY: handed on from the caller.
            unsafe { System.realloc(pointer, layout, size) }
        } else {
            null_mut()
        }
    }
}

type Small<'p> = Reserved<'p, Refusing, 512>;

fn pool() -> Box<Pool<512>> {
    Box::new(Pool::new())
}

fn over(pool: &Pool<512>) -> Small<'_> {
    let system = Refusing::default();
    Small { system, pool }
}

fn used(pool: &Pool<512>) -> u32 {
    let bits = |w: &AtomicU64| w.load(Ordering::Relaxed).count_ones();
    pool.used.iter().map(bits).sum()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// A piece of memory that is filled with a byte of its own.
struct Piece {
    pointer: *mut u8,
    layout: Layout,
    byte: u8,
}

impl Piece {
    fn new(allocator: &Small<'_>, layout: Layout, byte: u8) -> Option<Self> {
        // SAFETY: no test asks for a size of 0.
        let pointer = unsafe { allocator.alloc(layout) };
        assert!(pointer.addr().is_multiple_of(layout.align()), "{layout:?}");
        (!pointer.is_null()).then(|| Self::filled(pointer, layout, byte))
    }

    fn filled(pointer: *mut u8, layout: Layout, byte: u8) -> Self {
        // SAFETY: the allocator promised so many bytes.
        unsafe { pointer.write_bytes(byte, layout.size()) };
        Self {
            pointer,
            layout,
            byte,
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: so many bytes were filled.
        unsafe { std::slice::from_raw_parts(self.pointer, self.layout.size()) }
    }

    fn is_intact(&self) -> bool {
        self.bytes().iter().all(|b| *b == self.byte)
    }

    fn resize(self, allocator: &Small<'_>, size: usize) -> Self {
        // SAFETY: allocated there with this layout.
        let pointer = unsafe { allocator.realloc(self.pointer, self.layout, size) };
        assert!(!pointer.is_null());
        let resized = Self {
            pointer,
            layout: layout(size, self.layout.align()),
            byte: self.byte,
        };
        let kept = size.min(self.layout.size());
        assert!(resized.bytes()[..kept].iter().all(|b| *b == self.byte));
        Self::filled(pointer, resized.layout, resized.byte)
    }

    fn free(self, allocator: &Small<'_>) {
        assert!(self.is_intact(), "{:?}", self.layout);
        // SAFETY: allocated there with this layout, and not used any more.
        unsafe { allocator.dealloc(self.pointer, self.layout) };
    }
}

#[test]
fn the_reserve_serves_only_what_the_system_refuses() {
    let pool = pool();
    let allocator = over(&pool);
    let from_system = Piece::new(&allocator, layout(100, 8), 1).unwrap();
    assert_eq!((used(&pool), pool.block(from_system.pointer)), (0, None));
    allocator.system.refuses.store(true, Ordering::Relaxed);
    let from_pool = Piece::new(&allocator, layout(100, 8), 2).unwrap();
    assert_eq!((used(&pool), pool.block(from_pool.pointer)), (2, Some(0)));
    from_system.free(&allocator);
    from_pool.free(&allocator);
    assert_eq!(
        (used(&pool), allocator.system.live.load(Ordering::Relaxed)),
        (0, 0)
    );
}

#[test]
fn what_is_zeroed_is_zero_after_other_use() {
    let pool = pool();
    let allocator = over(&pool);
    allocator.system.refuses.store(true, Ordering::Relaxed);
    Piece::new(&allocator, layout(5000, 1), 0xee)
        .unwrap()
        .free(&allocator);
    // SAFETY: the size is not 0; it is released with the same layout.
    let zeros = unsafe { allocator.alloc_zeroed(layout(5000, 1)) };
    // SAFETY: so many bytes were allocated and written.
    let bytes = unsafe { std::slice::from_raw_parts(zeros, 5000) };
    assert!(bytes.iter().all(|b| *b == 0));
    // SAFETY: allocated above.
    unsafe { allocator.dealloc(zeros, layout(5000, 1)) };
    assert_eq!(used(&pool), 0);
}

#[test]
fn every_size_and_alignment_is_served_up_to_the_largest() {
    let pool = pool();
    let allocator = over(&pool);
    allocator.system.refuses.store(true, Ordering::Relaxed);
    for align in (0..=12).map(|n| 1 << n) {
        for size in [1, 8, 63, 64, 65, 4095, 4096, 4097, 70_000, LARGEST] {
            let one = Piece::new(&allocator, layout(1, 1), 1).unwrap();
            let piece = Piece::new(&allocator, layout(size, align), 2).unwrap();
            assert_eq!(used(&pool) as usize, 1 + blocks(size), "{size} at {align}");
            one.free(&allocator);
            piece.free(&allocator);
        }
    }
    assert!(Piece::new(&allocator, layout(LARGEST + 1, 1), 1).is_none());
    assert!(Piece::new(&allocator, layout(8, 8192), 1).is_none());
    assert_eq!(used(&pool), 0);
}

#[test]
fn an_exhausted_reserve_refuses_and_serves_again_after_a_release() {
    let pool = pool();
    let allocator = over(&pool);
    allocator.system.refuses.store(true, Ordering::Relaxed);
    let mut pieces = Vec::new();
    while let Some(piece) = Piece::new(&allocator, layout(200, 8), pieces.len() as u8) {
        pieces.push(piece);
    }
    assert_eq!(pieces.len(), 512 * 64 / 4);
    pieces.swap_remove(1234).free(&allocator);
    let again = Piece::new(&allocator, layout(256, 8), 7).unwrap();
    assert_eq!(pool.block(again.pointer), Some(4 * 1234));
    assert!(Piece::new(&allocator, layout(1, 1), 1).is_none());
    again.free(&allocator);
    pieces.into_iter().for_each(|p| p.free(&allocator));
    assert_eq!(used(&pool), 0);
}

#[test]
fn resizing_crosses_between_the_system_and_the_reserve() {
    let pool = pool();
    let allocator = over(&pool);
    let refuse = |yes| allocator.system.refuses.store(yes, Ordering::Relaxed);
    let live = || allocator.system.live.load(Ordering::Relaxed);
    let mut piece = Piece::new(&allocator, layout(300, 16), 5).unwrap();
    refuse(true);
    piece = piece.resize(&allocator, 5000);
    assert_eq!((used(&pool), live()), (79, 0));
    // Within the reserve: shrinks where it is, also to less than a block; grows elsewhere.
    let place = pool.block(piece.pointer);
    piece = piece.resize(&allocator, 130);
    assert_eq!((used(&pool), pool.block(piece.pointer)), (3, place));
    piece = piece.resize(&allocator, 140).resize(&allocator, 1);
    assert_eq!((used(&pool), pool.block(piece.pointer)), (1, place));
    let next = Piece::new(&allocator, layout(64, 64), 6).unwrap();
    piece = piece.resize(&allocator, 100);
    assert_eq!((used(&pool), pool.block(piece.pointer)), (3, Some(2)));
    refuse(false);
    piece = piece.resize(&allocator, 2000);
    assert_eq!((used(&pool), live()), (1, 1));
    next.free(&allocator);
    refuse(true);
    // Refused: the old memory stays as it was.
    // SAFETY: allocated there with this layout.
    let refused = unsafe { allocator.realloc(piece.pointer, piece.layout, LARGEST + 1) };
    assert!(refused.is_null());
    piece.free(&allocator);
    assert_eq!((used(&pool), live()), (0, 0));
}

#[test]
fn threads_never_share_a_byte() {
    let pool = pool();
    let allocator = over(&pool);
    allocator.system.refuses.store(true, Ordering::Relaxed);
    let refused = AtomicUsize::new(0);
    let worker = |thread: u64| {
        let mut random = thread;
        let mut below = move |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005);
            random = random.wrapping_add(1_442_695_040_888_963_407);
            ((random >> 33) % n) as usize
        };
        let mut pieces: Vec<Piece> = Vec::new();
        for _ in 0..20_000 {
            // Sizes of some blocks and of some pages, so that runs cross words of the bitmap.
            let most = [500, 20_000][below(2)];
            let size = 1 + below(most);
            match below(4) {
                0 | 1 => {
                    match Piece::new(&allocator, layout(size, 1 << below(9)), below(256) as u8) {
                        Some(piece) => pieces.push(piece),
                        None => _ = refused.fetch_add(1, Ordering::Relaxed),
                    }
                }
                2 if !pieces.is_empty() => {
                    let piece = pieces.swap_remove(below(pieces.len() as u64));
                    let size = size.min(piece.layout.size());
                    pieces.push(piece.resize(&allocator, size));
                }
                _ if !pieces.is_empty() => {
                    pieces
                        .swap_remove(below(pieces.len() as u64))
                        .free(&allocator);
                }
                _ => {}
            }
        }
        pieces.into_iter().for_each(|p| p.free(&allocator));
    };
    std::thread::scope(|scope| {
        let worker = &worker;
        (1..=4).for_each(|n| _ = scope.spawn(move || worker(n)));
    });
    // The threads met the end of the reserve, and all of it came back.
    assert!(refused.into_inner() > 0);
    assert_eq!(used(&pool), 0);
}

#[test]
fn memory_is_short_only_until_the_system_has_it_again() {
    SHORT.store(true, Ordering::Relaxed);
    assert!(!is_short() && check().is_ok());
    assert!(!SHORT.load(Ordering::Relaxed));
    assert!(can_allocate(SPARE_BYTES) && can_allocate(0));
    assert!(!can_allocate(1 << 60) && !can_allocate(usize::MAX));
}

#[test]
fn the_reserve_of_the_program_takes_no_space_in_its_file_and_is_all_there() {
    assert_eq!(size_of_val(&POOL.memory), 8 << 20);
    assert_eq!(POOL.memory.get().addr() % PAGE, 0);
    let text = Box::new("through the program's allocator".to_owned());
    assert_eq!(POOL.block(text.as_ptr().cast_mut()), None);
    assert_eq!(POOL.block(POOL.memory.get().cast()), Some(0));
}
