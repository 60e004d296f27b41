//! What may be handed to a statement as its parameters: a tuple, a list, or values with names.

use super::Error;
use rusqlite::ToSql;

/// Takes values to their places in a statement.
pub(crate) trait Binder<'p> {
    /// The value of `?place`, counted from 1.
    fn place(&mut self, place: usize, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error>;
    /// The value of the parameter with this name (which starts with a colon).
    fn name(&mut self, name: &str, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error>;
}

/// The parameters of a statement: all of them.
pub(crate) trait Params {
    /// How many they are.
    fn count(&self) -> usize;
    /// Hands each to `binder`.
    fn bind<'p>(&'p self, binder: &mut impl Binder<'p>) -> Result<(), Error>;
}

impl Params for [&dyn ToSql; 0] {
    fn count(&self) -> usize {
        0
    }
    fn bind<'p>(&'p self, _: &mut impl Binder<'p>) -> Result<(), Error> {
        Ok(())
    }
}

impl Params for &[&dyn ToSql] {
    fn count(&self) -> usize {
        self.len()
    }
    fn bind<'p>(&'p self, binder: &mut impl Binder<'p>) -> Result<(), Error> {
        (1..)
            .zip(*self)
            .try_for_each(|(place, value)| binder.place(place, *value))
    }
}

impl Params for &[(&str, &dyn ToSql)] {
    fn count(&self) -> usize {
        self.len()
    }
    fn bind<'p>(&'p self, binder: &mut impl Binder<'p>) -> Result<(), Error> {
        self.iter()
            .try_for_each(|(name, value)| binder.name(name, *value))
    }
}

macro_rules! lists {
    ($($count:literal)+) => {$(
        impl<T: ToSql> Params for [T; $count] {
            fn count(&self) -> usize {
                $count
            }
            fn bind<'p>(&'p self, binder: &mut impl Binder<'p>) -> Result<(), Error> {
                (1..).zip(self).try_for_each(|(place, value)| binder.place(place, value))
            }
        }
    )+};
}
lists!(1 2 3 4);

macro_rules! tuples {
    ($($count:literal: $($kind:ident $at:tt)+;)+) => {$(
        impl<$($kind: ToSql),+> Params for ($($kind,)+) {
            fn count(&self) -> usize {
                $count
            }
            fn bind<'p>(&'p self, binder: &mut impl Binder<'p>) -> Result<(), Error> {
                $(binder.place($at + 1, &self.$at)?;)+
                Ok(())
            }
        }
    )+};
}
tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
    7: A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    9: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    10: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    11: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    12: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
}
