//! The functions that are followed, each with a number that the profiling library knows it by.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal $function:literal $what:ident,)*) => {
        /// A function of MPI, or of threads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* #[doc = concat!("`", $function, "`.")] $name = $number,)* }

        impl Kind {
            /// All of them, with the numbers that the profiling library gives them.
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            /// The name of the function.
            pub fn function(self) -> &'static str {
                match self { $(Kind::$name => $function,)* }
            }

            /// What it does.
            pub fn what(self) -> What {
                match self { $(Kind::$name => What::$what,)* }
            }
        }
    };
}

kinds! {
    Init = 1 "MPI_Init" Other,
    InitThread = 2 "MPI_Init_thread" Other,
    Finalize = 3 "MPI_Finalize" Together,
    Abort = 4 "MPI_Abort" Other,
    Send = 5 "MPI_Send" Send,
    Ssend = 6 "MPI_Ssend" Send,
    Bsend = 7 "MPI_Bsend" Send,
    Rsend = 8 "MPI_Rsend" Send,
    Isend = 9 "MPI_Isend" Send,
    Issend = 10 "MPI_Issend" Send,
    Recv = 11 "MPI_Recv" Receive,
    Irecv = 12 "MPI_Irecv" Receive,
    Mrecv = 13 "MPI_Mrecv" Receive,
    Imrecv = 14 "MPI_Imrecv" Receive,
    /// Its receiving half; the sending half is a [`Kind::SendrecvSend`] just before it.
    Sendrecv = 15 "MPI_Sendrecv" Receive,
    /// The sending half of
    SendrecvSend = 16 "MPI_Sendrecv" Send,
    Probe = 17 "MPI_Probe" Find,
    Iprobe = 18 "MPI_Iprobe" Find,
    Mprobe = 19 "MPI_Mprobe" Find,
    Improbe = 20 "MPI_Improbe" Find,
    Wait = 21 "MPI_Wait" Wait,
    Waitall = 22 "MPI_Waitall" Wait,
    Waitany = 23 "MPI_Waitany" Wait,
    Waitsome = 24 "MPI_Waitsome" Wait,
    Test = 25 "MPI_Test" Wait,
    Testall = 26 "MPI_Testall" Wait,
    Testany = 27 "MPI_Testany" Wait,
    Testsome = 28 "MPI_Testsome" Wait,
    Barrier = 29 "MPI_Barrier" Together,
    Bcast = 30 "MPI_Bcast" Together,
    Gather = 31 "MPI_Gather" Together,
    Gatherv = 32 "MPI_Gatherv" Together,
    Scatter = 33 "MPI_Scatter" Together,
    Scatterv = 34 "MPI_Scatterv" Together,
    Reduce = 35 "MPI_Reduce" Together,
    Allreduce = 36 "MPI_Allreduce" Together,
    Allgather = 37 "MPI_Allgather" Together,
    Allgatherv = 38 "MPI_Allgatherv" Together,
    Alltoall = 39 "MPI_Alltoall" Together,
    CommDup = 40 "MPI_Comm_dup" Together,
    CommSplit = 41 "MPI_Comm_split" Together,
    CommCreate = 42 "MPI_Comm_create" Together,
    Cancel = 43 "MPI_Cancel" Other,
    /// Waits for another thread of its rank, whose number is the peer's.
    Join = 44 "pthread_join" Other,
    /// A function that is not followed: the call has its name. Stands for
    Other = 45 "another function of MPI" Other,
    Ibsend = 46 "MPI_Ibsend" Send,
    Irsend = 47 "MPI_Irsend" Send,
    /// Its receiving half; the sending half is a [`Kind::SendrecvReplaceSend`] just before it.
    SendrecvReplace = 48 "MPI_Sendrecv_replace" Receive,
    /// The sending half of
    SendrecvReplaceSend = 49 "MPI_Sendrecv_replace" Send,
    /// Begins one of the sends that a request was made for by
    StartSend = 50 "MPI_Start" Send,
    /// Begins one of the receives that a request was made for by
    StartReceive = 51 "MPI_Start" Receive,
    BufferDetach = 52 "MPI_Buffer_detach" Wait,
    RequestGetStatus = 53 "MPI_Request_get_status" Wait,
    Alltoallv = 54 "MPI_Alltoallv" Together,
    Alltoallw = 55 "MPI_Alltoallw" Together,
    Scan = 56 "MPI_Scan" Together,
    Exscan = 57 "MPI_Exscan" Together,
    ReduceScatter = 58 "MPI_Reduce_scatter" Together,
    ReduceScatterBlock = 59 "MPI_Reduce_scatter_block" Together,
    Ibarrier = 60 "MPI_Ibarrier" Together,
    Ibcast = 61 "MPI_Ibcast" Together,
    Igather = 62 "MPI_Igather" Together,
    Igatherv = 63 "MPI_Igatherv" Together,
    Iscatter = 64 "MPI_Iscatter" Together,
    Iscatterv = 65 "MPI_Iscatterv" Together,
    Ireduce = 66 "MPI_Ireduce" Together,
    Iallreduce = 67 "MPI_Iallreduce" Together,
    Iallgather = 68 "MPI_Iallgather" Together,
    Iallgatherv = 69 "MPI_Iallgatherv" Together,
    Ialltoall = 70 "MPI_Ialltoall" Together,
    Ialltoallv = 71 "MPI_Ialltoallv" Together,
    Ialltoallw = 72 "MPI_Ialltoallw" Together,
    Iscan = 73 "MPI_Iscan" Together,
    Iexscan = 74 "MPI_Iexscan" Together,
    IreduceScatter = 75 "MPI_Ireduce_scatter" Together,
    IreduceScatterBlock = 76 "MPI_Ireduce_scatter_block" Together,
    CommDupWithInfo = 77 "MPI_Comm_dup_with_info" Together,
    CommIdup = 78 "MPI_Comm_idup" Together,
    CommSplitType = 79 "MPI_Comm_split_type" Together,
    CommCreateGroup = 80 "MPI_Comm_create_group" Together,
    CartCreate = 81 "MPI_Cart_create" Together,
    CartSub = 82 "MPI_Cart_sub" Together,
}

impl Kind {
    /// Whether it only begins something, which goes on when it has returned.
    pub fn goes_on(self) -> bool {
        let is_one = matches!(
            self,
            Kind::Isend
                | Kind::Issend
                | Kind::Ibsend
                | Kind::Irsend
                | Kind::Irecv
                | Kind::Imrecv
                | Kind::StartSend
                | Kind::StartReceive
                | Kind::CommIdup
        );
        is_one || self.what() == What::Together && self.function().starts_with("MPI_I")
    }

    /// Whether it begins to look for a message, and takes it when it comes. What `MPI_Imrecv` receives has come.
    pub fn awaits_a_message(self) -> bool {
        self.what() == What::Receive && self.goes_on() && self != Kind::Imrecv
    }

    /// Who gets what a rank gives in a collective operation.
    pub fn spread(self) -> Spread {
        use Kind::{
            Allgather, Allgatherv, Allreduce, Alltoall, Alltoallv, Alltoallw, Exscan, Scan,
        };
        use Kind::{Bcast, Gather, Gatherv, Reduce, Scatter, Scatterv};
        use Kind::{Iallgather, Iallgatherv, Iallreduce, Ialltoall, Ialltoallv, Ialltoallw};
        use Kind::{Ibcast, Iexscan, Igather, Igatherv, Ireduce, Iscan, Iscatter, Iscatterv};
        use Kind::{IreduceScatter, IreduceScatterBlock, ReduceScatter, ReduceScatterBlock};
        let to_root = [Gather, Gatherv, Reduce, Igather, Igatherv, Ireduce];
        let from_root = [Bcast, Scatter, Scatterv, Ibcast, Iscatter, Iscatterv];
        let to_all = [
            [
                Allgather, Allgatherv, Allreduce, Alltoall, Alltoallv, Alltoallw,
            ],
            [
                Iallgather,
                Iallgatherv,
                Iallreduce,
                Ialltoall,
                Ialltoallv,
                Ialltoallw,
            ],
        ];
        let to_some = [
            [Scan, Exscan, ReduceScatter, ReduceScatterBlock],
            [Iscan, Iexscan, IreduceScatter, IreduceScatterBlock],
        ];
        if to_root.contains(&self) {
            Spread::ToRoot
        } else if from_root.contains(&self) {
            Spread::FromRoot
        } else if to_all.as_flattened().contains(&self) || to_some.as_flattened().contains(&self) {
            Spread::ToAll
        } else {
            Spread::Nothing
        }
    }
}

/// Who gets what a rank gives in a collective operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// The root.
    ToRoot,
    /// All get what the root gives.
    FromRoot,
    /// All, or some of them.
    ToAll,
    /// Nothing is given.
    Nothing,
}

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It sends a message.
    Send,
    /// It takes a message.
    Receive,
    /// It looks for a message and leaves it where it is.
    Find,
    /// It completes what another call began, or tries to.
    Wait,
    /// All ranks of the communicator have to call it.
    Together,
    /// Anything else.
    Other,
}
