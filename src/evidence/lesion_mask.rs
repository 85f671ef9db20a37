//! The voxels of a lesion, one bit each.

/// PET voxels of a lesion: a bit for each voxel of the smallest box that holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LesionMask {
    /// Lowest index of the box along i, j, k.
    first: [usize; 3],
    /// Voxels of the box along i, j, k; 0 for a mask without voxels.
    dims: [usize; 3],
    /// Bits of the box, i fastest, the lowest bit of a byte first.
    bits: Vec<u8>,
}

impl LesionMask {
    /// Builds the mask of voxels.
    pub fn new(voxels: &[[usize; 3]]) -> Self {
        let Some(one) = voxels.first() else {
            return Self::default();
        };
        let (mut first, mut last) = (*one, *one);
        for voxel in voxels {
            for a in 0..3 {
                first[a] = first[a].min(voxel[a]);
                last[a] = last[a].max(voxel[a]);
            }
        }
        let dims: [usize; 3] = std::array::from_fn(|a| last[a] - first[a] + 1);
        let mut mask = Self {
            first,
            dims,
            bits: vec![0; dims.iter().product::<usize>().div_ceil(8)],
        };
        for voxel in voxels {
            if let Some(at) = mask.place(*voxel) {
                mask.bits[at / 8] |= 1 << (at % 8);
            }
        }
        mask
    }

    /// Returns the number of a voxel's bit, or `None` outside the box.
    fn place(&self, voxel: [usize; 3]) -> Option<usize> {
        let in_box = |a: usize| {
            let at = voxel[a].checked_sub(self.first[a])?;
            (at < self.dims[a]).then_some(at)
        };
        let [i, j, k] = [in_box(0)?, in_box(1)?, in_box(2)?];
        Some((k * self.dims[1] + j) * self.dims[0] + i)
    }

    /// Returns whether a voxel belongs to the lesion.
    pub fn contains(&self, voxel: [usize; 3]) -> bool {
        let set = |at: usize| self.bits[at / 8] >> (at % 8) & 1 == 1;
        self.place(voxel).is_some_and(set)
    }

    /// Returns the number of voxels.
    pub fn count(&self) -> usize {
        self.bits.iter().map(|b| b.count_ones() as usize).sum()
    }

    /// Returns the mask as bytes: equal for equal masks, different for different ones.
    pub fn to_bytes(&self) -> Vec<u8> {
        let numbers = self.first.iter().chain(&self.dims);
        let mut bytes: Vec<u8> = numbers.flat_map(|n| (*n as u64).to_le_bytes()).collect();
        bytes.extend_from_slice(&self.bits);
        bytes
    }

    /// Returns the voxels, i fastest.
    pub fn voxels(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        let [x, y, z] = [0, 1, 2].map(|a| self.first[a]..self.first[a] + self.dims[a]);
        let rows = z.flat_map(move |k| y.clone().map(move |j| (j, k)));
        let all = rows.flat_map(move |(j, k)| x.clone().map(move |i| [i, j, k]));
        all.filter(|voxel| self.contains(*voxel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_holds_its_voxels_and_no_other() {
        let voxels = [[7, 5, 3], [7, 5, 4], [9, 4, 3]];
        let mask = LesionMask::new(&voxels);
        assert_eq!(mask.count(), 3);
        let mut sorted = voxels;
        sorted.sort_by_key(|[i, j, k]| (*k, *j, *i));
        assert!(mask.voxels().eq(sorted));
        for outside in [[8, 5, 3], [6, 5, 3], [10, 4, 3], [7, 5, 5], [0, 0, 0]] {
            assert!(!mask.contains(outside), "{outside:?}");
        }
        let moved = LesionMask::new(&voxels.map(|[i, j, k]| [i, j, k + 1]));
        assert_ne!(moved.to_bytes(), mask.to_bytes());
        assert_eq!(LesionMask::new(&[]).voxels().count(), 0);
    }
}
