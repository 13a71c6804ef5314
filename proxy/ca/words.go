package ca

import "strings"

// fingerprintWords is how many octets of the fingerprint are read aloud: 96 bits, far more than anyone can search for a
// second certificate with.
const fingerprintWords = 12

// englishWords and frenchWords stand for the octets 0 to 255: common, short, and spelt as they sound, so that a class can
// compare them with what the projector shows.
var (
	englishWords = strings.Fields(`acid actor air alarm album amber angel ankle apple april apron arch arm arrow ash atlas attic aunt autumn axe baby bacon badge bag
		baker ball bamboo banana band barn basin basket bath beach bean bear bed bell belt bench bike bird blade block boat body bolt bone
		book boot bottle bowl box branch bread brick bridge broom brush bucket bus butter cabin cable cake camel camera canal candle candy
		canoe cap car card carpet carrot castle cat chain chair chalk cheese cherry chess chin circle city clay clock cloud clown coach
		coal coat coffee coin comb copper cork corn cotton couch cow crab cradle crane cream crown cup curtain dancer desert desk diamond
		dinner doctor dog doll dolphin donkey door dragon drawer dress drum duck dust eagle ear earth echo egg elbow engine eye fabric
		face farm feather fence field finger fire fish flag flame floor flower flute foam fog forest fork fox frog fruit garden garlic
		gate ghost giant ginger glass globe glove goat gold goose grape grass guitar hammer hand harbor harp hat hawk heart helmet hill
		honey horn horse hotel house ice ink iron island ivory jacket jam jar jelly jewel jungle kettle key king kite kitten knee knife
		ladder lake lamp lemon letter lion lizard lobster magnet mango map marble market mask meadow melon milk mirror monkey moon mother
		mountain mouse museum mushroom nail needle nest night north ocean olive onion orange otter oven owl paint palace palm paper parrot
		peach pearl pencil pepper piano pigeon pillow pilot pirate planet plum`)
	frenchWords = strings.Fields(`abeille abri acier aile aimant algue ami ancre ange anneau arbre argile arme assiette atlas aube avion avril bague bain balai
		balcon balle banane banc barbe barque bassin bateau berger bidon bijou bille biscuit blason bocal bois bol bonnet botte bouche
		bougie boule bouton branche bras brique brosse brume bulle bureau cabane cadeau cadran café cahier caillou caisse camion canal
		canard cape carafe carotte carte castor cave cerise chaise chalet chameau chapeau char chat chemin chêne cheval chèvre chien
		chocolat cigale ciment cirque citron clavier cloche clou clown cobra coffre collier colline coq corbeau corde corne coton coude
		couloir coupe couteau crabe craie crayon crème cube cuisine cygne dame danse dauphin désert diamant dindon docteur doigt domino
		dragon drapeau dune eau écho éclair école écran écureuil église épine éponge escargot étoile fable farine faucon femme fenêtre
		ferme feuille ficelle figue fil flamme fleur flûte foin forêt four fourmi fraise fromage fruit fusée gant garçon gâteau gazon
		genou girafe glace globe gomme goutte graine grange griffe grotte guêpe guitare hache hamac haricot herbe hibou hiver hôtel huile
		île image jambon jardin jongleur jouet jour jumeau jupe kiwi lac laine lait lampe lapin lavande lettre lierre lion livre loup lune
		lutin machine main maison manteau marbre marin marmite masque matin melon menthe miel miroir montagne montre moteur mouche moulin
		mouton mur musée nappe neige nid noisette nuage oiseau olive ombre oncle orage orange oreille orgue ortie ours panier panda papier
		parc parfum patin peigne pelle perle perruche phare piano pigeon pinceau pirate plage plume poche poire poisson poivre`)
)

// Words gives the beginning of the root's fingerprint as words to read aloud, in French ("fr") or English. Two
// authorities with the same words do not happen.
func (a *Authority) Words(lang string) []string {
	list := englishWords
	if lang == "fr" {
		list = frenchWords
	}
	return wordsOf(list, a.fingerprint())
}

func wordsOf(list []string, sum [32]byte) []string {
	out := make([]string, fingerprintWords)
	for i := range out {
		out[i] = list[sum[i]]
	}
	return out
}
