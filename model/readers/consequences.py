"""What a variant does to its gene: Sequence Ontology terms, the names others use for them, and their order."""

SEVERITY = (
    "transcript_ablation",
    "feature_ablation",
    "exon_loss_variant",
    "gene_fusion",
    "bidirectional_gene_fusion",
    "splice_acceptor_variant",
    "splice_donor_variant",
    "splice_site_variant",
    "stop_gained",
    "frameshift_variant",
    "stop_lost",
    "start_lost",
    "transcript_amplification",
    "inframe_insertion",
    "inframe_deletion",
    "conservative_inframe_insertion",
    "disruptive_inframe_insertion",
    "conservative_inframe_deletion",
    "disruptive_inframe_deletion",
    "missense_variant",
    "protein_altering_variant",
    "splice_donor_5th_base_variant",
    "splice_region_variant",
    "splice_donor_region_variant",
    "splice_polypyrimidine_tract_variant",
    "incomplete_terminal_codon_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "mature_miRNA_variant",
    "5_prime_UTR_premature_start_codon_gain_variant",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
    "upstream_gene_variant",
    "downstream_gene_variant",
    "intergenic_variant",
)
"""Most severe first, in the order of Ensembl's Variant Effect Predictor, with SnpEff's own terms by their impact.

Left out: VEP's `feature_truncation` and `feature_elongation`, which it writes of a deletion within an intron too.
"""

_RANK = {term: rank for rank, term in enumerate(SEVERITY)}

MAF_TERMS = {
    "Missense_Mutation": "missense_variant",
    "Nonsense_Mutation": "stop_gained",
    "Nonstop_Mutation": "stop_lost",
    "Translation_Start_Site": "start_lost",
    "Silent": "synonymous_variant",
    "Splice_Site": "splice_site_variant",
    "Splice_Region": "splice_region_variant",
    "Frame_Shift_Del": "frameshift_variant",
    "Frame_Shift_Ins": "frameshift_variant",
    "In_Frame_Del": "inframe_deletion",
    "In_Frame_Ins": "inframe_insertion",
    "5'UTR": "5_prime_UTR_variant",
    "3'UTR": "3_prime_UTR_variant",
    "5'Flank": "upstream_gene_variant",
    "3'Flank": "downstream_gene_variant",
    "Intron": "intron_variant",
    "IGR": "intergenic_variant",
    "RNA": "non_coding_transcript_exon_variant",
    "lincRNA": "non_coding_transcript_exon_variant",
    "Fusion": "gene_fusion",
    **dict.fromkeys(("Start_Codon_SNP", "Start_Codon_Del", "Start_Codon_Ins"), "start_lost"),
    "De_novo_Start_InFrame": "5_prime_UTR_premature_start_codon_gain_variant",
    "De_novo_Start_OutOfFrame": "5_prime_UTR_premature_start_codon_gain_variant",
}
"""`Variant_Classification` of a MAF (GDC MAF v1.0.0; what Oncotator and cBioPortal add) as Sequence Ontology terms."""

ANNOVAR_TERMS = {
    "nonsynonymous_SNV": "missense_variant",
    "synonymous_SNV": "synonymous_variant",
    "stopgain": "stop_gained",
    "stoploss": "stop_lost",
    "startloss": "start_lost",
    "frameshift_deletion": "frameshift_variant",
    "frameshift_insertion": "frameshift_variant",
    "frameshift_substitution": "frameshift_variant",
    "nonframeshift_deletion": "inframe_deletion",
    "nonframeshift_insertion": "inframe_insertion",
    "splicing": "splice_site_variant",
    "UTR5": "5_prime_UTR_variant",
    "UTR3": "3_prime_UTR_variant",
    "intronic": "intron_variant",
    "upstream": "upstream_gene_variant",
    "downstream": "downstream_gene_variant",
    "intergenic": "intergenic_variant",
}
"""`ExonicFunc.refGene` and `Func.refGene` of ANNOVAR as Sequence Ontology terms."""

BCFTOOLS_TERMS = {
    "synonymous": "synonymous_variant",
    "missense": "missense_variant",
    "inframe_deletion": "inframe_deletion",
    "inframe_insertion": "inframe_insertion",
    "inframe_altering": "protein_altering_variant",
    "frameshift": "frameshift_variant",
    "splice_acceptor": "splice_acceptor_variant",
    "splice_donor": "splice_donor_variant",
    "splice_region": "splice_region_variant",
    "stop_gained": "stop_gained",
    "stop_lost": "stop_lost",
    "stop_retained": "stop_retained_variant",
    "start_lost": "start_lost",
    "start_retained": "start_retained_variant",
    "coding_sequence": "coding_sequence_variant",
    "5_prime_utr": "5_prime_UTR_variant",
    "3_prime_utr": "3_prime_UTR_variant",
    "non_coding": "non_coding_transcript_exon_variant",
    "intron": "intron_variant",
    "intergenic": "intergenic_variant",
}
"""Consequences of bcftools csq (1.24) as Sequence Ontology terms."""

FUNCOTATOR_TERMS = {
    "MISSENSE": "missense_variant",
    "NONSENSE": "stop_gained",
    "NONSTOP": "stop_lost",
    "SILENT": "synonymous_variant",
    "SPLICE_SITE": "splice_site_variant",
    "IN_FRAME_DEL": "inframe_deletion",
    "IN_FRAME_INS": "inframe_insertion",
    "FRAME_SHIFT_DEL": "frameshift_variant",
    "FRAME_SHIFT_INS": "frameshift_variant",
    **dict.fromkeys(("START_CODON_SNP", "START_CODON_DEL", "START_CODON_INS"), "start_lost"),
    "DE_NOVO_START_IN_FRAME": "5_prime_UTR_premature_start_codon_gain_variant",
    "DE_NOVO_START_OUT_FRAME": "5_prime_UTR_premature_start_codon_gain_variant",
    "FIVE_PRIME_UTR": "5_prime_UTR_variant",
    "THREE_PRIME_UTR": "3_prime_UTR_variant",
    "FIVE_PRIME_FLANK": "upstream_gene_variant",
    "THREE_PRIME_FLANK": "downstream_gene_variant",
    "INTRON": "intron_variant",
    "IGR": "intergenic_variant",
    "RNA": "non_coding_transcript_exon_variant",
    "LINCRNA": "non_coding_transcript_exon_variant",
}
"""`variantClassification` of GATK's Funcotator as Sequence Ontology terms."""


def severity(term: str) -> int:
    """0 for the most severe; a term that is not in the list comes after all that are."""
    return _RANK.get(term, len(SEVERITY))


def worst(terms: str) -> str:
    """The most severe of terms joined by `&`, as SnpEff and VEP write them."""
    return min(terms.split("&"), key=severity)
