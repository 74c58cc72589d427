# SPDX-FileCopyrightText: 2026 The pysc authors
# SPDX-License-Identifier: Apache-2.0
"""System V IPC. Source: include/uapi/linux/{ipc,sem,msg}.h, include/uapi/asm-generic/{ipcbuf,msgbuf}.h,
arch/x86/include/uapi/asm/sembuf.h."""

import struct

IPC_PRIVATE = 0
IPC_CREAT, IPC_EXCL, IPC_NOWAIT = 0o1000, 0o2000, 0o4000
IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO, IPC_64 = 0, 1, 2, 3, 0x100
CAP_IPC_OWNER = 15

# struct ipc64_perm: key, uid, gid, creator's uid, gid, mode, sequence
PERMISSIONS = struct.Struct("<i5IH2x4x16x")
SEMID = struct.Struct("<q8xq8xQ16x")  # struct semid64_ds after the permissions: otime, ctime, nsems
MSQID = struct.Struct("<6Qii16x")  # struct msqid64_ds: stime, rtime, ctime, cbytes, qnum, qbytes, lspid, lrpid

GETPID, GETVAL, GETALL, GETNCNT, GETZCNT, SETVAL, SETALL = 11, 12, 13, 14, 15, 16, 17
SEM_STAT, SEM_INFO, SEM_STAT_ANY = 18, 19, 20
SEM_UNDO = 0x1000
SEMBUF = struct.Struct("<Hhh")
SEMINFO = struct.Struct("<10i")
SEMMNI, SEMMSL, SEMMNS, SEMOPM, SEMVMX = 32000, 32000, 1024000000, 500, 32767

MSG_STAT, MSG_INFO, MSG_STAT_ANY = 11, 12, 13
MSG_NOERROR, MSG_EXCEPT, MSG_COPY = 0o10000, 0o20000, 0o40000
MSGINFO = struct.Struct("<7iH2x")
MSGMNI, MSGMAX, MSGMNB = 32000, 8192, 16384

SHM_LOCK, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY = 11, 12, 13, 14, 15
SHM_HUGETLB = 0o4000  # of shmget
SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_EXEC = 0o10000, 0o20000, 0o40000, 0o100000  # of shmat
SHM_DEST, SHM_LOCKED = 0o1000, 0o2000  # in the mode
SHMID = struct.Struct("<QqqqiiQ16x")  # struct shmid64_ds: segsz, atime, dtime, ctime, cpid, lpid, nattch
SHMINFO = struct.Struct("<5Q32x")  # struct shminfo64: max, min, mni, seg, all
SHM_INFO_STATE = struct.Struct("<i4x5Q")  # struct shm_info: ids, total, resident, swapped pages, two counters
SHMMNI, SHMMAX = 4096, (1 << 64) - (1 << 24) - 1
